#include "scenes.h"

#define INNOCENT    "create innocent ports=7070:70,7070:70/udp"
#define WEB         "create web ports=8080:80,8080:80/udp"
#define WEB_NETWORK "create web network=bridge ports=8080:80,8080:80/udp"

/* Without rules that all containers of a kind share, which stay until a reload looks for them. */
#define FRESH "forget", "reload"

enum {
	REPEAT = 1 << WAY_REPEAT,
	RELOAD = 1 << WAY_RELOAD,
	GC = 1 << WAY_GC,
	NEXT = 1 << WAY_NEXT,
};

const char *const innocent[] = {"start innocent ctr2", INNOCENT, NULL};

const char *const way_names[WAY_MAX] = {"repeat", "reload", "gc", "next"};

const char *const way_steps[WAY_MAX][STEPS_MAX] = {
	[WAY_REPEAT] = {RUN},
	[WAY_RELOAD] = {"reload"},
	[WAY_GC] = {"stop all", "gc"},
	[WAY_NEXT] = {"start last box", "create last network=bridge", RUN, "stop last", "end last"},
};

/* clang-format off */
const struct scene scenes[] = {
	{"publish", "publish-one", {"start web ctr"}, WEB,
		{"stop all", "end web"}, REPEAT | RELOAD | GC},
	{"publish", "publish-range", {"start web ctr"}, "create web ports=8000-8010:9000-9010",
		{"stop all", "end web"}, REPEAT | RELOAD | GC},
	{"publish", "publish-first", {"flush --force", "sh rm -rf \"$NM_STATE_DIR\"", "start web ctr"}, WEB,
		{"stop all", "end web", INNOCENT}, REPEAT | RELOAD | GC, 0, SCENE_LOUD | SCENE_GONE},
	{"publish", "replace", {"start web ctr", "create web ports=8080:80"}, "create web ports=8080:80,9090:90/udp",
		{"stop all", "end web"}, REPEAT | RELOAD | GC},
	{"publish", "contend", {"start web ctr", WEB, "start late ctr2"}, "create late ports=8080:80",
		{"stop all", "end late", "end web"}, REPEAT | RELOAD | GC, 4},
	{"publish", "take-over", {"start dead ctr", "create dead ports=8080:80,8080:80/udp", "stop dead", "start web ctr"}, WEB,
		{"stop all", "end dead", "end web"}, REPEAT | RELOAD | GC, 0, SCENE_PARTIAL},

	{"withdraw", "withdraw-one", {"start web ctr", WEB, "stop web"}, "end web",
		{0}, REPEAT | RELOAD | GC, 0, SCENE_PARTIAL},
	{"withdraw", "withdraw-range", {"start web ctr", "create web ports=8000-8010:9000-9010", "stop web"}, "end web",
		{0}, REPEAT | RELOAD | GC, 0, SCENE_PARTIAL},

	{"commands", "add", {"start web ctr", WEB}, "add web 9090:90/udp",
		{"stop all", "end web"}, REPEAT | RELOAD | GC},
	{"commands", "add-new", {"start web ctr"}, "add --address 10.88.7.2 web 9090:90",
		{"stop all", "end web", FRESH}, REPEAT | RELOAD},
	{"commands", "remove", {"start web ctr", "create web ports=8080:80,8080:80/udp,9090:90"}, "remove web 9090:90",
		{"stop all", "end web"}, REPEAT | RELOAD | GC},
	{"commands", "remove-all", {"start web ctr", WEB}, "remove web",
		{"stop all", "end web"}, REPEAT | RELOAD | GC, 0, SCENE_PARTIAL},
	{"commands", "reload", {"start web ctr", WEB}, "reload",
		{"stop all", "end web"}, REPEAT | GC, 0, SCENE_PARTIAL},
	{"commands", "reload-flushed", {"start web ctr", WEB, "sh nft flush ruleset"}, "reload",
		{"reload", "stop all", "end web"}, REPEAT, 0, SCENE_LOUD | SCENE_PARTIAL},
	{"commands", "gc", {"start web ctr", WEB, "stop web"}, "gc",
		{"end web"}, REPEAT | RELOAD, 0, SCENE_PARTIAL},
	/* half of it done, a reload makes what the other half has on record */
	{"commands", "flush", {"start web ctr", WEB}, "flush --force",
		{"stop all", "end web", INNOCENT}, REPEAT, 0, SCENE_LOUD | SCENE_PARTIAL},

	{"read", "check", {"start web ctr", WEB}, "check",
		{"stop all", "end web"}, 0, 0, SCENE_READS | SCENE_FORGETS},
	{"read", "check-again", {"start web ctr", WEB, "check"}, "check",
		{"stop all", "end web"}, 0, 0, SCENE_READS},
	{"read", "list", {"start web ctr", WEB}, "list",
		{"stop all", "end web"}, 0, 0, SCENE_READS},
	{"read", "list-json", {"start web ctr", WEB}, "list --json",
		{"stop all", "end web"}, 0, 0, SCENE_READS},
	{"read", "plan", {"start web ctr"}, "plan web ports=8080:80,8080:80/udp",
		{"stop all"}, 0, 0, SCENE_READS},
	{"read", "doctor", {"start web ctr", WEB}, "doctor",
		{"stop all", "end web"}, 0, 0, SCENE_READS | SCENE_FORGETS},
	{"read", "metrics", {"start web ctr", WEB}, "metrics",
		{"stop all", "end web"}, 0, 0, SCENE_READS | SCENE_FORGETS},

	{"network", "network-first", {"start web box"}, WEB_NETWORK,
		{"stop all", "end web", FRESH}, REPEAT | RELOAD | GC | NEXT, 0, SCENE_EACH_WAY | SCENE_GONE},
	{"network", "network-other", {"start other box", "create other network=bridge", "start web box"}, WEB_NETWORK,
		{"stop all", "end web", "end other", FRESH}, REPEAT | RELOAD | GC | NEXT, 0, SCENE_EACH_WAY},
	{"network", "network-replace", {"start web box", WEB_NETWORK}, "create web network=bridge ports=9090:90",
		{"stop all", "end web", FRESH}, REPEAT | RELOAD | GC | NEXT, 0, SCENE_EACH_WAY},
	{"network", "network-end-last", {"start web box", WEB_NETWORK, "stop web"}, "end web",
		{FRESH}, REPEAT | RELOAD | GC | NEXT, 0, SCENE_EACH_WAY | SCENE_PARTIAL},
	{"network", "network-end-other", {"start other box", "create other network=bridge", "start web box", WEB_NETWORK, "stop web"}, "end web",
		{"stop all", "end other", FRESH}, REPEAT | RELOAD | GC | NEXT, 0, SCENE_EACH_WAY | SCENE_PARTIAL},
	{"network", "network-add", {"start web box", WEB_NETWORK}, "add web 9090:90",
		{"stop all", "end web", FRESH}, REPEAT | RELOAD | GC},
	{"network", "network-reload", {"start web box", WEB_NETWORK, "sh ip link delete natmap0"}, "reload",
		{"stop all", "end web", FRESH}, REPEAT | GC, 0, SCENE_EACH_WAY | SCENE_PARTIAL},
	{"network", "network-gc", {"start web box", WEB_NETWORK, "stop web"}, "gc",
		{"end web", FRESH}, REPEAT | RELOAD, 0, SCENE_EACH_WAY | SCENE_PARTIAL},
	{"network", "network-flush", {"start web box", WEB_NETWORK}, "flush --force",
		{"stop all", "end web", "flush --force", INNOCENT, FRESH}, REPEAT, 0, SCENE_LOUD | SCENE_PARTIAL},
	{"network", "network-check", {"start web box", WEB_NETWORK}, "check",
		{"stop all", "end web", FRESH}, 0, 0, SCENE_READS | SCENE_FORGETS},
	{"network", "network-plan", {"start web box"}, "plan web network=bridge ports=8080:80,8080:80/udp",
		{"stop all", FRESH}, 0, 0, SCENE_READS},
	{"network", "network-doctor", {"start web box", WEB_NETWORK}, "doctor",
		{"stop all", "end web", FRESH}, 0, 0, SCENE_READS | SCENE_FORGETS},
	{0}};
/* clang-format on */
