/* follow/follow.c: where the way of a packet through rulesets ends, and what of that is sure. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdlib.h>
#include <time.h>

#include "follow/follow.h"
#include "small_ruleset.h"
#include "tap.h"

enum { TEXT_SIZE = 512, OWN_MARK = 1 << 12 };

/* natmap's chains and rules here are told by their names and tags. */
static enum nm_follow_own own(
	const void *ctx, const struct nm_ruleset_chain *chain, const struct nm_ruleset_rule *rule)
{
	static const struct {
		const char *name;
		enum nm_follow_own own;
	} known[] = {{"passes", NM_FOLLOW_PASSES}, {"takes", NM_FOLLOW_TAKES}, {"marks", NM_FOLLOW_MARKS},
		{"unmarks", NM_FOLLOW_UNMARKS}, {"ends", NM_FOLLOW_ENDS}};

	(void)ctx;
	nm_each(row, known) {
		if (!strcmp(rule ? rule->tag : chain->name, row->name))
			return row->own;
	}
	return NM_FOLLOW_OTHERS;
}

static size_t print_place(const struct nm_follow_place *p, char *buf, size_t used)
{
	if (p->chain)
		used += (size_t)snprintf(
			buf + used, TEXT_SIZE - used, " %s/%s", p->chain->table, p->chain->name);
	if (p->rule)
		used += (size_t)snprintf(buf + used, TEXT_SIZE - used, ":%u", (unsigned)p->rule->handle);
	else if (p->chain)
		used += (size_t)snprintf(buf + used, TEXT_SIZE - used, ":policy");
	if (p->element)
		used += (size_t)snprintf(buf + used, TEXT_SIZE - used, "+element");
	return used;
}

static void print(const struct nm_follow_result *r, char buf[static TEXT_SIZE])
{
	static const char *const ends[] = {[NM_FOLLOW_THROUGH] = "through",
		[NM_FOLLOW_TAKEN] = "taken",
		[NM_FOLLOW_DROPPED] = "dropped",
		[NM_FOLLOW_TRANSLATED] = "translated"};
	bool placed = r->end == NM_FOLLOW_DROPPED || r->end == NM_FOLLOW_TRANSLATED;
	char address[NM_ADDR_STRLEN];
	size_t used = (size_t)snprintf(buf, TEXT_SIZE, "%s", ends[r->end]);

	used = placed ? print_place(&r->place, buf, used) : used;
	if (placed && r->base && r->base != r->place.chain)
		used += (size_t)snprintf(buf + used, TEXT_SIZE - used, " from %s", r->base->name);
	if (placed && r->branch)
		used += (size_t)snprintf(buf + used, TEXT_SIZE - used, " by %s", r->branch->name);
	if (r->end == NM_FOLLOW_TRANSLATED && r->to_address)
		used += (size_t)snprintf(buf + used, TEXT_SIZE - used, " to %s, %u",
			nm_addr_print(&r->address, address), (unsigned)(r->to_port ? r->port : 0));
	if (!r->is_sure) {
		used += (size_t)snprintf(buf + used, TEXT_SIZE - used, " unless");
		used = print_place(&r->doubt, buf, used);
	}
	if (r->accepted.chain) {
		used += (size_t)snprintf(
			buf + used, TEXT_SIZE - used, r->masquerades ? " masqueraded" : " accepted");
		(void)print_place(&r->accepted, buf, used);
	}
}

/* A connection from outside to port 8080, for natmap to translate to 10.88.7.2, port 80. */
static const struct nm_follow_packet request = {.family = NM_IPV4,
	.protocol = IPPROTO_TCP,
	.in = {true, 2, "up0"},
	.first = {.address = {NM_IPV4, {192, 0, 2, 1}}, .port = 8080, .local = true},
	.translated = {.address = {NM_IPV4, {10, 88, 7, 2}}, .port = 80}};

static const struct {
	const char *what, *ruleset;
	uint32_t hook;
	const char *expected;
} rows[] = {
	/* verdicts and policies */
	{"nothing", "", NF_INET_FORWARD, "through"},
	{"a chain of another hook", "base f pre 0 drop", NF_INET_FORWARD, "through"},
	{"a policy", "base f fwd 0 drop", NF_INET_FORWARD, "dropped t/f:policy"},
	{"an accept before a policy", "base f fwd 0 drop\nrule accept", NF_INET_FORWARD, "through"},
	{"an accept ends its own base chain alone", "base f fwd 0 drop\nrule accept\nbase g fwd 1\nrule drop",
		NF_INET_FORWARD, "dropped t/g:1"},
	{"a rule of another port", "base f fwd 0\nrule dport:81 drop", NF_INET_FORWARD, "through"},
	{"a rule of its port", "base f fwd 0\nrule dport:81 accept\nrule dport:80 drop\nrule accept",
		NF_INET_FORWARD, "dropped t/f:2"},
	{"a return in a base chain leads to the policy", "base f fwd 0 drop\nrule return\nrule accept",
		NF_INET_FORWARD, "dropped t/f:policy"},
	{"and a continue to the next rule", "base f fwd 0 drop\nrule continue\nrule accept", NF_INET_FORWARD,
		"through"},
	/* jumps and gotos */
	{"a jump comes back", "base f fwd 0\nrule jump:c\nrule drop\nchain c\nrule dport:81 accept",
		NF_INET_FORWARD, "dropped t/f:2"},
	{"also by a return", "base f fwd 0\nrule jump:c\nrule drop\nchain c\nrule return\nrule accept",
		NF_INET_FORWARD, "dropped t/f:2"},
	{"a drop behind a jump", "base f fwd 0\nrule jump:c\nchain c\nrule drop", NF_INET_FORWARD,
		"dropped t/c:1 from f by c"},
	{"behind two, by the first", "base f fwd 0\nrule jump:c\nchain c\nrule jump:d\nchain d\nrule drop",
		NF_INET_FORWARD, "dropped t/d:1 from f by c"},
	{"in the base chain, after a jump", "base f fwd 0\nrule jump:c\nrule drop\nchain c", NF_INET_FORWARD,
		"dropped t/f:2"},
	{"by its policy, after a jump", "base f fwd 0 drop\nrule jump:c\nchain c", NF_INET_FORWARD,
		"dropped t/f:policy"},
	{"an accept behind a jump ends the base chain",
		"base f fwd 0\nrule jump:c\nrule drop\nchain c\nrule accept", NF_INET_FORWARD, "through"},
	{"a goto does not come back", "base f fwd 0\nrule goto:c\nrule drop\nchain c", NF_INET_FORWARD,
		"through"},
	{"but leads to the policy", "base f fwd 0 drop\nrule goto:c\nrule accept\nchain c\nrule return",
		NF_INET_FORWARD, "dropped t/f:policy"},
	{"a goto behind a jump comes back to the jump",
		"base f fwd 0\nrule jump:c\nrule drop\nchain c\nrule goto:d\nrule accept\nchain d",
		NF_INET_FORWARD, "dropped t/f:2"},
	{"a chain that is not there", "base f fwd 0\nrule jump:nowhere\nrule drop", NF_INET_FORWARD,
		"dropped t/f:2"},
	{"chains of one name in two tables",
		"chain c\nrule accept\ntable inet u\nbase f fwd 0\nrule jump:c\nchain c\nrule drop",
		NF_INET_FORWARD, "dropped u/c:1 from f by c"},
	/* maps */
	{"a map to verdicts", "map m 22=accept 80=drop\nbase f fwd 0\nrule vmap:m", NF_INET_FORWARD,
		"dropped t/f:1+element"},
	{"without its key", "map m 22=accept 81=drop\nbase f fwd 0\nrule vmap:m", NF_INET_FORWARD, "through"},
	{"for all other keys", "map m *=drop 22=accept\nbase f fwd 0\nrule vmap:m", NF_INET_FORWARD,
		"dropped t/f:1+element"},
	{"to a chain", "map m 70-90=jump:c\nbase f fwd 0\nrule vmap:m\nchain c\nrule drop", NF_INET_FORWARD,
		"dropped t/c:1 from f by c"},
	{"to a chain for good", "map m 80=goto:c\nbase f fwd 0\nrule vmap:m\nrule drop\nchain c",
		NF_INET_FORWARD, "through"},
	{"a set", "set s 22 80\nbase f fwd 0\nrule in-set:s drop", NF_INET_FORWARD, "dropped t/f:1"},
	{"a map that is not there", "base f fwd 0\nrule vmap:m\nrule drop", NF_INET_FORWARD, "dropped t/f:2"},
	/* what is not decided */
	{"a rule that may drop", "base f fwd 0\nrule perhaps drop", NF_INET_FORWARD,
		"dropped t/f:1 unless t/f:1"},
	{"a rule that may accept what is dropped", "base f fwd 0\nrule perhaps accept\nrule drop",
		NF_INET_FORWARD, "dropped t/f:2 unless t/f:1"},
	{"or what is accepted anyway", "base f fwd 0 drop\nrule perhaps accept\nrule accept", NF_INET_FORWARD,
		"through"},
	{"the first that may drop", "base f fwd 0\nrule perhaps drop\nrule perhaps drop", NF_INET_FORWARD,
		"dropped t/f:1 unless t/f:1"},
	{"one that may drop what another drops", "base f fwd 0\nrule perhaps drop\nrule drop",
		NF_INET_FORWARD, "dropped t/f:2"},
	{"one that certainly is for another port", "base f fwd 0\nrule dport:81 perhaps drop",
		NF_INET_FORWARD, "through"},
	{"also when that stands behind", "base f fwd 0\nrule perhaps dport:81 drop", NF_INET_FORWARD,
		"through"},
	{"one that may jump", "base f fwd 0\nrule perhaps jump:c\nchain c\nrule drop", NF_INET_FORWARD,
		"dropped t/c:1 from f by c unless t/f:1"},
	{"one that may return", "base f fwd 0\nrule perhaps return\nrule drop", NF_INET_FORWARD,
		"dropped t/f:2"},
	{"one that may go to a chain comes back", "base f fwd 0\nrule perhaps goto:c\nrule drop\nchain c",
		NF_INET_FORWARD, "dropped t/f:2"},
	{"one that may mark what another drops", "base f fwd 0\nrule perhaps set-mark:5\nrule mark:5 drop",
		NF_INET_FORWARD, "dropped t/f:2 unless t/f:2"},
	{"one that may mark it, behind a jump",
		"base f fwd 0\nrule perhaps jump:c\nrule mark:5 drop\nchain c\nrule set-mark:5",
		NF_INET_FORWARD, "dropped t/f:2 unless t/f:2"},
	{"marks", "base f fwd 0\nrule set-mark:5\nbase g fwd 1\nrule mark:5 drop", NF_INET_FORWARD,
		"dropped t/g:1"},
	{"other marks", "base f fwd 0\nrule set-mark:5\nrule mark:4 drop", NF_INET_FORWARD, "through"},
	/* natmap's own */
	{"natmap's chain", "base f fwd 0 drop\nrule jump:takes\nchain takes\nrule drop", NF_INET_FORWARD,
		"taken"},
	{"natmap's rule", "base f fwd 0 drop\nrule tag:takes accept", NF_INET_FORWARD, "taken"},
	{"of another port", "base f fwd 0 drop\nrule dport:81 tag:takes accept", NF_INET_FORWARD,
		"dropped t/f:policy"},
	{"natmap's rule before another's",
		"base f fwd 0 drop\nrule tag:takes accept\nbase g fwd 1\nrule drop", NF_INET_FORWARD,
		"dropped t/g:1"},
	{"one that does nothing", "base f fwd 0\nrule tag:passes drop", NF_INET_FORWARD, "through"},
	{"one behind which nothing matters", "base f fwd 0 drop\nrule tag:ends drop\nrule drop",
		NF_INET_FORWARD, "taken"},
	{"a chain behind which nothing matters", "base f fwd 0 drop\nrule jump:ends\nchain ends",
		NF_INET_FORWARD, "taken"},
	{"a chain that does nothing", "base f fwd 0\nrule jump:passes\nrule accept\nchain passes\nrule drop",
		NF_INET_FORWARD, "through"},
	{"a chain that marks", "base f fwd 0 drop\nrule jump:marks\nrule mark:4096 accept\nchain marks",
		NF_INET_FORWARD, "through"},
	{"a tag of somebody else's", "base f fwd 0\nrule tag:other drop", NF_INET_FORWARD, "dropped t/f:1"},
	{"natmap's base chain", "base takes fwd 0 drop", NF_INET_FORWARD, "taken"},
	/* the order of base chains */
	{"by priority, not by place", "base late fwd 5\nrule set-mark:5\nbase early fwd -5\nrule mark:5 drop",
		NF_INET_FORWARD, "through"},
	{"negative ones first", "base early fwd -5\nrule set-mark:5\nbase late fwd 5\nrule mark:5 drop",
		NF_INET_FORWARD, "dropped t/late:1"},
	{"an IPv6 table", "table ip6 t\nbase f fwd 0 drop", NF_INET_FORWARD, "through"},
	{"an IPv4 table", "table ip t\nbase f fwd 0 drop", NF_INET_FORWARD, "dropped t/f:policy"},
	/* NAT */
	{"natmap's own NAT", "base n pre -100 nat\nrule jump:takes\nchain takes", NF_INET_PRE_ROUTING,
		"taken"},
	{"another's", "base n pre -100 nat\nrule dport:8080 dnat:10.0.0.9:81\nrule jump:takes\nchain takes",
		NF_INET_PRE_ROUTING, "translated t/n:1 to 10.0.0.9, 81"},
	{"another's behind it",
		"base n pre -100 nat\nrule jump:takes\nrule dport:8080 dnat:10.0.0.9:81\nchain takes",
		NF_INET_PRE_ROUTING, "taken"},
	{"another's, in a chain before",
		"base n pre -100 nat\nrule jump:takes\nchain takes\nbase o pre -101 "
		"nat\nrule dnat:10.0.0.9:81",
		NF_INET_PRE_ROUTING, "translated t/o:1 to 10.0.0.9, 81"},
	{"another's, in a chain behind",
		"base n pre -100 nat\nrule jump:takes\nchain takes\nbase o pre -99 "
		"nat\nrule dnat:10.0.0.9:81",
		NF_INET_PRE_ROUTING, "taken"},
	{"of one priority, listed first",
		"base o pre -100 nat\nrule dnat:10.0.0.9:81\nbase n pre -100 nat\nrule "
		"jump:takes\nchain takes",
		NF_INET_PRE_ROUTING, "translated t/o:1 to 10.0.0.9, 81 unless t/n:policy"},
	{"of one priority, listed last",
		"base n pre -100 nat\nrule jump:takes\nchain takes\nbase o pre -100 "
		"nat\nrule dnat:10.0.0.9:81",
		NF_INET_PRE_ROUTING, "translated t/o:1 to 10.0.0.9, 81 unless t/o:1"},
	{"of one priority, for another port",
		"base n pre -100 nat\nrule jump:takes\nchain takes\nbase o pre "
		"-100 nat\nrule dport:81 dnat:10.0.0.9:81",
		NF_INET_PRE_ROUTING, "taken"},
	{"an ACCEPT that ends NAT", "base n pre -100 nat\nrule accept\nrule jump:takes\nchain takes",
		NF_INET_PRE_ROUTING, "through accepted t/n:1"},
	{"an ACCEPT of a filter",
		"base f pre -150\nrule accept\nbase n pre -100 nat\nrule jump:takes\nchain takes",
		NF_INET_PRE_ROUTING, "taken"},
	{"an ACCEPT of NAT ends its own chain alone",
		"base o pre -110 nat\nrule accept\nbase n pre -100 nat\nrule jump:takes\nchain takes",
		NF_INET_PRE_ROUTING, "taken accepted t/o:1"},
	{"a filter before natmap sees the host's port",
		"base f pre -101\nrule dport:8080 drop\nbase n pre -100 "
		"nat\nrule jump:takes\nchain takes",
		NF_INET_PRE_ROUTING, "dropped t/f:1"},
	{"a filter behind natmap the container's",
		"base f pre -99\nrule dport:80 drop\nbase n pre -100 "
		"nat\nrule jump:takes\nchain takes",
		NF_INET_PRE_ROUTING, "dropped t/f:1"},
	{"a filter of NAT's priority comes first",
		"base n pre -100 nat\nrule jump:takes\nchain takes\nbase f "
		"pre -100\nrule dport:8080 drop",
		NF_INET_PRE_ROUTING, "dropped t/f:1"},
	{"the kernel runs all of NAT at one priority",
		"base f pre 0\nrule dport:80 drop\nbase n pre 50 "
		"nat\nrule jump:takes\nchain takes",
		NF_INET_PRE_ROUTING, "dropped t/f:1"},
	{"and behind routing at another",
		"base f post 60\nrule set-mark:5\nbase n post -50 nat\nrule mark:5 "
		"accept\nrule masq",
		NF_INET_POST_ROUTING, "through accepted t/n:1"},
	{"two chains of natmap's are not in doubt",
		"base n pre -100 nat\nrule jump:takes\nbase o pre -100 nat\nrule jump:takes\nchain "
		"takes\nbase f pre 0 drop",
		NF_INET_PRE_ROUTING, "dropped t/f:policy"},
	/* connection tracking */
	{"before connection tracking nothing is new", "base f pre -300\nrule new drop", NF_INET_PRE_ROUTING,
		"through"},
	{"behind it a connection is", "base f pre -150\nrule new drop", NF_INET_PRE_ROUTING, "dropped t/f:1"},
	{"also for NAT that claims to be before it",
		"base f pre -300 nat\nrule new accept\nrule jump:takes\nchain takes", NF_INET_PRE_ROUTING,
		"through accepted t/f:1"},
	{"and for all that is forwarded", "base f fwd -300\nrule new drop", NF_INET_FORWARD, "dropped t/f:1"},
	{"a masquerade", "base n post 100 nat\nrule masq", NF_INET_POST_ROUTING, "through masqueraded t/n:1"},
};

static void follow(
	const char *text, uint32_t hook, const struct nm_follow_packet *packet, char buf[static TEXT_SIZE])
{
	struct nm_ruleset r;
	struct nm_follow f = {.ruleset = &r, .own = own, .own_mark = OWN_MARK};
	struct nm_follow_result result;

	small_ruleset_read(text, &r);
	nm_follow(&f, hook, packet, &result);
	print(&result, buf);
	nm_ruleset_done(&r);
}

static void test_rows(void)
{
	char text[TEXT_SIZE];

	nm_each(row, rows) {
		struct nm_follow_packet packet = request;

		packet.is_translated = row->hook == NF_INET_FORWARD || row->hook == NF_INET_POST_ROUTING;
		packet.out = (struct nm_follow_interface){packet.is_translated, 3, "br0"};
		follow(row->ruleset, row->hook, &packet, text);
		tap_is(text, row->expected, "%s", row->what);
	}
}

/* A chain cN jumps to the next one; the kernel allows a stack of 16. */
static void test_depth(int depth, const char *expected)
{
	char ruleset[4096], text[TEXT_SIZE];
	struct nm_follow_packet packet = request;
	int used = snprintf(ruleset, sizeof(ruleset), "base f fwd 0");

	for (int i = 1; i <= depth; i++)
		used += snprintf(
			ruleset + used, sizeof(ruleset) - (size_t)used, "\nrule jump:c%d\nchain c%d", i, i);
	(void)snprintf(ruleset + used, sizeof(ruleset) - (size_t)used, "\nrule drop");
	packet.is_translated = true;
	follow(ruleset, NF_INET_FORWARD, &packet, text);
	tap_is(text, expected, "%d jumps", depth);
}

/* Each of 15 chains jumps to the next one 30 times: 30^15 ways, of which only so many rules are followed. */
static void test_bound(void)
{
	char ruleset[4096], text[TEXT_SIZE];
	struct nm_follow_packet packet = request;
	int used = snprintf(ruleset, sizeof(ruleset), "base f fwd 0");
	clock_t start = clock();

	for (int i = 1; i <= 15; i++)
		used += snprintf(ruleset + used, sizeof(ruleset) - (size_t)used,
			"\nrule times:30 jump:c%d\nchain c%d", i, i);
	packet.is_translated = true;
	follow(ruleset, NF_INET_FORWARD, &packet, text);
	tap_is(text, "through", "chains that jump again and again");
	tap_ok((clock() - start) / CLOCKS_PER_SEC < 60, "and do not take for ever");
}

/* The packet's port is not known. */
static void test_any_port(void)
{
	struct nm_follow_packet packet = request;
	char text[TEXT_SIZE];

	packet.is_translated = packet.translated.any_port = true;
	follow("base f fwd 0\nrule dport:81 drop", NF_INET_FORWARD, &packet, text);
	tap_is(text, "dropped t/f:1 unless t/f:1", "a rule for one port, and the packet may have any");
}

static void test_others(void)
{
	struct nm_ruleset r;
	struct nm_follow f = {.ruleset = &r, .own = own};

	small_ruleset_read("base takes pre 0\nbase f fwd 0\nchain c", &r);
	tap_ok(nm_follow_has_others(&f, NF_INET_FORWARD), "somebody else's chain at a hook");
	tap_ok(!nm_follow_has_others(&f, NF_INET_PRE_ROUTING), "natmap's own is none");
	tap_ok(!nm_follow_has_others(&f, NF_INET_LOCAL_OUT), "a hook without chains");
	nm_ruleset_done(&r);
}

int main(void)
{
	test_rows();
	test_depth(15, "dropped t/c15:1 from f by c1");
	test_depth(16, "dropped t/c16:1 from f by c1");
	test_depth(17, "through");
	test_bound();
	test_any_port();
	test_others();
	return tap_done();
}
