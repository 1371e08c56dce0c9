/* Why something in the kernel is to be added or deleted, whichever the layout. */
#ifndef NM_NFT_EDIT_H
#define NM_NFT_EDIT_H

enum nm_edit_kind {
	NM_EDIT_MISSING,   /* desired and not there: to be added */
	NM_EDIT_STALE,     /* natmap's, and nobody desires it: to be deleted */
	NM_EDIT_CHANGED,   /* desired, and changed by somebody: to be deleted and added again */
	NM_EDIT_MISPLACED, /* desired, and without effect where it stands: likewise; rules only */
};

#endif
