// SPDX-License-Identifier: Apache-2.0
/*
 * netem's options and statistics as netlink messages.
 *
 * libnl 3.7 knows neither its models of bursts, nor its rate, 64-bit times, slots or
 * seed, so TCA_OPTIONS is built here: struct tc_netem_qopt, then attributes
 * (net/sched/sch_netem.c, netem_change()).
 *
 * What the kernel does not do as it says is not asked of it: a correlation of the delay
 * (it takes the correlated draw modulo twice the jitter, or modulo the length of the
 * table, and what is left is not correlated), and correlated chances by their ratio
 * (impair/chance has the threshold that gives the ratio).  A corruption turns a bit of
 * the linear part of an skb, which may be less than the frame.
 *
 * Loss and overflow: netem counts both as drops.  They are told apart by the
 * redirection in front of it: a frame lost by plan is taken with success, one that
 * finds the queue full comes back as NET_XMIT_DROP, which act_mirred counts as an
 * overlimit (as it does a frame for an interface that is down).
 *
 * Frames must not be larger than the MTU: a loss takes a whole GSO skb, and the
 * statistics count its segments.  Offloads are off on every link end for that.
 */
#include "impair/netem.h"

#include <limits.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <math.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/prng.h"
#include "base/units.h"
#include "impair/chance.h"
#include "impair/distribution.h"
#include "impair/queue.h"
#include "net/netlink.h"

#define NETEM_HANDLE	0x10000U /* "1:", so that a second set changes the qdisc of the first */
#define NETEM_PRNG_SEED 14 /* TCA_NETEM_PRNG_SEED, since Linux 6.6; Debian 12's header is 6.1 */

/* A table of a distribution, and all else, which is below 500 bytes: it always fits */
#define MESSAGE_MAX (DISTRIBUTION_LEN * sizeof(int16_t) + 4096)

#define INGRESS	      TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define FILTER_INFO   TC_H_MAKE(1U << 16, htons(ETH_P_ALL)) /* priority 1, every protocol */
#define FILTER_HANDLE 1

/* A queueing message: its header, and the kind of thing that it is about */
static struct nl_msg *tc_message(int type, int flags, int ifindex, uint32_t parent, uint32_t handle,
				 uint32_t info, const char *kind)
{
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = parent,
		.tcm_handle = handle,
		.tcm_info = info,
	};
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_MAX);

	if (!msg || !nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags) ||
	    nlmsg_append(msg, &tcm, sizeof(tcm), NLMSG_ALIGNTO) ||
	    nla_put_string(msg, TCA_KIND, kind))
		abort();
	return msg;
}

/* A ratio as the kernel's generator is compared with: 0 never, 2^32 - 1 always */
static uint32_t probability(double ratio)
{
	return (uint32_t)lrint(ratio * UINT32_MAX);
}

static void put_gemodel(struct nl_msg *msg, const struct gemodel *g)
{
	struct tc_netem_gemodel ge = {
		.p = probability(g->p),
		.r = probability(g->r),
		.h = UINT32_MAX - probability(g->loss_bad), /* of passing, in the bad state */
		.k1 = probability(g->loss_good),
	};

	nla_put(msg, NETEM_LOSS_GE, sizeof(ge), &ge);
}

/* The second of two ways out of a state, which the kernel adds up in 32 bits */
static uint32_t rest(double ratio, uint32_t first)
{
	uint32_t p = probability(ratio);

	return p < UINT32_MAX - first ? p : UINT32_MAX - first;
}

static void put_state(struct nl_msg *msg, const struct fourstate *f)
{
	struct tc_netem_gimodel gi = {
		.p32 = probability(f->p32),
		.p14 = probability(f->p14),
		.p23 = probability(f->p23),
	};

	gi.p13 = rest(f->p13, gi.p14);
	gi.p31 = rest(f->p31, gi.p32);
	nla_put(msg, NETEM_LOSS_GI, sizeof(gi), &gi);
}

static void put_loss(struct nl_msg *msg, const struct impairment *plan)
{
	struct nlattr *nest;

	if (!plan->has_gemodel && !plan->has_state)
		return; /* the kernel goes back to independent losses */
	nest = nla_nest_start(msg, TCA_NETEM_LOSS);
	if (plan->has_gemodel)
		put_gemodel(msg, &plan->gemodel);
	else
		put_state(msg, &plan->state);
	nla_nest_end(msg, nest);
}

/* What is left out would stay as it was, so nothing is */
static void put_chances(struct nl_msg *msg, const struct impairment *plan, bool armed)
{
	struct tc_netem_corr correlation = { .dup_corr = probability(plan->duplicate.correlation) };
	struct tc_netem_reorder reorder = {
		.probability = armed ? probability(chance_threshold(&plan->reorder)) : 0,
		.correlation = probability(plan->reorder.correlation),
	};
	struct tc_netem_corrupt corrupt = {
		.probability = armed ? probability(chance_threshold(&plan->corrupt)) : 0,
		.correlation = probability(plan->corrupt.correlation),
	};

	nla_put(msg, TCA_NETEM_CORR, sizeof(correlation), &correlation);
	nla_put(msg, TCA_NETEM_REORDER, sizeof(reorder), &reorder);
	nla_put(msg, TCA_NETEM_CORRUPT, sizeof(corrupt), &corrupt);
}

static void put_rate(struct nl_msg *msg, const struct impairment *plan)
{
	uint64_t bytes_per_s = plan->rate_bps / 8;
	struct tc_netem_rate rate = {
		.rate = bytes_per_s < UINT32_MAX ? (uint32_t)bytes_per_s : UINT32_MAX,
		.packet_overhead = (int32_t)plan->overhead,
	};

	nla_put(msg, TCA_NETEM_RATE, sizeof(rate), &rate);
	if (bytes_per_s >= UINT32_MAX)
		nla_put_u64(msg, TCA_NETEM_RATE64, bytes_per_s);
}

static void put_times(struct nl_msg *msg, const struct impairment *plan)
{
	struct tc_netem_slot slot = {
		.min_delay = (int64_t)plan->slot.min_ns,
		.max_delay = (int64_t)plan->slot.max_ns,
		.max_packets = (int32_t)plan->slot.packets,
		.max_bytes = (int32_t)plan->slot.bytes,
	};

	nla_put_u64(msg, TCA_NETEM_LATENCY64, plan->delay_ns);
	nla_put_u64(msg, TCA_NETEM_JITTER64, plan->jitter_ns);
	nla_put(msg, TCA_NETEM_SLOT, sizeof(slot), &slot);
	if (plan->jitter_ns)
		nla_put(msg, TCA_NETEM_DELAY_DIST, DISTRIBUTION_LEN * sizeof(int16_t),
			distribution_table(plan->distribution));
}

/* What netem cannot do, for callers that did not ask spec/impairment */
static int check_plan(const struct impairment *plan, struct err *err)
{
	if (plan->drop_len)
		return err_set(err, 0, "netem cannot lose frames by position: use the wire");
	if (plan->jitter_ns > INT_MAX)
		return err_set(err, 0, "netem's jitter ends at 2.1 s"); /* and is cut in silence */
	if (plan->delay_correlation > 0)
		return err_set(err, 0, "netem's delays do not correlate: use the wire");
	return 0;
}

/**
 * netem_set() - Impair what leaves by an interface
 * @sock:	Opened in the namespace of the interface
 * @ifindex:	The interface; its root qdisc becomes netem, or is changed if it is
 * @plan:	What to do; drop lists and a correlation of the delay are the wire's
 * @armed:	The tunnel is up: an impairment of ARM_UP acts in full from now on
 * @seed:	Of all that is random but the place of a corruption and plain slots, any value;
 *		starts the generator anew.  Kernels before 6.6 ignore it: see netem_stats()
 *
 * A change leaves the packets in the queue, and their release times, as they are.
 *
 * Return: 0, or -1 with @err set
 */
int netem_set(struct nl_sock *sock, int ifindex, const struct impairment *plan, bool armed,
	      uint64_t seed, struct err *err)
{
	bool all = armed || plan->arm == ARM_START;
	uint32_t gap = plan->gap ? (uint32_t)plan->gap : 1;
	struct tc_netem_qopt opt = {
		.limit = queue_limit(plan),
		.loss = all ? probability(plan->loss) : 0,
		.duplicate = all ? probability(chance_threshold(&plan->duplicate)) : 0,
		.gap = all && plan->reorder.ratio > 0 ? gap : 0, /* 0: no reordering */
	};
	struct nl_msg *msg;
	struct nlattr *options;

	if (check_plan(plan, err))
		return -1;
	msg = tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, ifindex, TC_H_ROOT,
			 NETEM_HANDLE, 0, "netem");
	options = nla_nest_start(msg, TCA_OPTIONS);
	nlmsg_append(msg, &opt, sizeof(opt), NLMSG_ALIGNTO);
	put_times(msg, plan);
	put_rate(msg, plan);
	put_chances(msg, plan, all);
	/* The kernel folds it to 32 bits and does not mix: neighbouring seeds would be alike */
	nla_put_u64(msg, NETEM_PRNG_SEED, prng_mix(seed));
	if (all)
		put_loss(msg, plan);
	nla_nest_end(msg, options);
	return netlink_talk(sock, msg, err, "cannot set netem on interface %d", ifindex);
}

/* Send a message whose answer @on_answer takes from the socket before the ACK */
static int ask(struct nl_sock *sock, struct nl_msg *msg, nl_recvmsg_msg_cb_t on_answer, void *arg,
	       struct err *err, const char *what, int ifindex)
{
	int rc;

	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_answer, arg);
	rc = netlink_talk(sock, msg, err, "cannot read the counters of %s on interface %d", what,
			  ifindex);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	return rc;
}

struct counts {
	bool seen;
	struct gnet_stats_basic basic;
	uint64_t packets; /* basic.packets, or its 64-bit form */
	struct gnet_stats_queue queue;
};

static void parse_stats(struct nlattr *nest, struct counts *ret)
{
	struct nlattr *tb[TCA_STATS_MAX + 1] = { NULL };

	if (!nest || nla_parse_nested(tb, TCA_STATS_MAX, nest, NULL) || !tb[TCA_STATS_BASIC] ||
	    !tb[TCA_STATS_QUEUE])
		return;
	nla_memcpy(&ret->basic, tb[TCA_STATS_BASIC], sizeof(ret->basic));
	nla_memcpy(&ret->queue, tb[TCA_STATS_QUEUE], sizeof(ret->queue));
	ret->packets = tb[TCA_STATS_PKT64] ? nla_get_u64(tb[TCA_STATS_PKT64]) : ret->basic.packets;
	ret->seen = true;
}

struct qdisc_answer {
	struct counts counts;
	uint64_t seed;
};

static int on_qdisc(struct nl_msg *msg, void *arg)
{
	const int header = NLA_ALIGN(sizeof(struct tc_netem_qopt));
	struct nlattr *tb[TCA_MAX + 1] = { NULL };
	struct qdisc_answer *a = arg;
	struct nlattr *seed;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWQDISC ||
	    nlmsg_parse(nlmsg_hdr(msg), sizeof(struct tcmsg), tb, TCA_MAX, NULL))
		return NL_OK;
	parse_stats(tb[TCA_STATS2], &a->counts);
	if (!tb[TCA_OPTIONS] || nla_len(tb[TCA_OPTIONS]) < header)
		return NL_OK;
	seed = nla_find((struct nlattr *)((char *)nla_data(tb[TCA_OPTIONS]) + header),
			nla_len(tb[TCA_OPTIONS]) - header, NETEM_PRNG_SEED);
	if (seed && nla_len(seed) == sizeof(a->seed))
		nla_memcpy(&a->seed, seed, sizeof(a->seed));
	return NL_OK;
}

/**
 * netem_stats() - What the netem of an interface has done
 * @sock:	Opened in the namespace of the interface
 * @ifindex:	The interface, after netem_set()
 * @ret:	Set on success
 *
 * Return: 0, or -1 with @err set
 */
int netem_stats(struct nl_sock *sock, int ifindex, struct netem_stats *ret, struct err *err)
{
	struct qdisc_answer a = { 0 };

	/* The kernel tells the group; the one who asked only with NLM_F_ECHO */
	if (ask(sock,
		tc_message(RTM_GETQDISC, NLM_F_ECHO, ifindex, TC_H_ROOT, NETEM_HANDLE, 0, "netem"),
		on_qdisc, &a, err, "netem", ifindex))
		return -1;
	if (!a.counts.seen)
		return err_set(err, 0, "the kernel has no counters of netem on interface %d",
			       ifindex);
	*ret = (struct netem_stats){
		.sent = a.counts.packets,
		.dropped = a.counts.queue.drops,
		.queued = a.counts.queue.qlen,
		.reordered = a.counts.queue.requeues,
		.seed = a.seed,
	};
	return 0;
}

/**
 * netem_redirect() - Let what comes in by one interface leave by another
 * @sock:	Opened in the namespace of both
 * @from_ifindex: Where frames come in; gets a clsact qdisc, so once only
 * @to_ifindex:	Where they leave, through its root qdisc
 *
 * Return: 0, or -1 with @err set
 */
int netem_redirect(struct nl_sock *sock, int from_ifindex, int to_ifindex, struct err *err)
{
	struct tc_mirred mirred = {
		.action = TC_ACT_STOLEN,
		.eaction = TCA_EGRESS_REDIR,
		.ifindex = (uint32_t)to_ifindex,
	};
	struct nlattr *options, *actions, *action, *action_options;
	struct nl_msg *msg;

	msg = tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, from_ifindex, TC_H_CLSACT,
			 TC_H_MAKE(TC_H_CLSACT, 0), 0, "clsact");
	if (netlink_talk(sock, msg, err, "cannot add clsact to interface %d", from_ifindex))
		return -1;
	msg = tc_message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, from_ifindex, INGRESS,
			 FILTER_HANDLE, FILTER_INFO, "matchall");
	options = nla_nest_start(msg, TCA_OPTIONS);
	actions = nla_nest_start(msg, TCA_MATCHALL_ACT);
	action = nla_nest_start(msg, 1);
	nla_put_string(msg, TCA_ACT_KIND, "mirred");
	action_options = nla_nest_start(msg, TCA_ACT_OPTIONS);
	nla_put(msg, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	nla_nest_end(msg, action_options);
	nla_nest_end(msg, action);
	nla_nest_end(msg, actions);
	nla_nest_end(msg, options);
	return netlink_talk(sock, msg, err, "cannot redirect interface %d to %d", from_ifindex,
			    to_ifindex);
}

static int on_filter(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[TCA_MAX + 1] = { NULL };
	struct nlattr *matchall[TCA_MATCHALL_MAX + 1] = { NULL };
	struct nlattr *actions[2] = { NULL };
	struct nlattr *action[TCA_ACT_MAX + 1] = { NULL };

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWTFILTER ||
	    nlmsg_parse(nlmsg_hdr(msg), sizeof(struct tcmsg), tb, TCA_MAX, NULL) ||
	    !tb[TCA_OPTIONS] ||
	    nla_parse_nested(matchall, TCA_MATCHALL_MAX, tb[TCA_OPTIONS], NULL) ||
	    !matchall[TCA_MATCHALL_ACT] ||
	    nla_parse_nested(actions, 1, matchall[TCA_MATCHALL_ACT], NULL) || !actions[1] ||
	    nla_parse_nested(action, TCA_ACT_MAX, actions[1], NULL))
		return NL_OK;
	parse_stats(action[TCA_ACT_STATS], arg);
	return NL_OK;
}

/**
 * netem_redirect_stats() - What a redirection has done
 * @sock:	Opened in the namespace of the interface
 * @from_ifindex: Where frames come in, after netem_redirect()
 * @ret:	Set on success
 *
 * Return: 0, or -1 with @err set
 */
int netem_redirect_stats(struct nl_sock *sock, int from_ifindex, struct netem_redirect_stats *ret,
			 struct err *err)
{
	struct counts c = { 0 };

	if (ask(sock,
		tc_message(RTM_GETTFILTER, 0, from_ifindex, INGRESS, FILTER_HANDLE, FILTER_INFO,
			   "matchall"),
		on_filter, &c, err, "the redirection", from_ifindex))
		return -1;
	if (!c.seen)
		return err_set(err, 0,
			       "the kernel has no counters of the redirection "
			       "on interface %d",
			       from_ifindex);
	*ret = (struct netem_redirect_stats){ .seen = c.packets, .refused = c.queue.overlimits };
	return 0;
}

/* A veth pair of our own: nothing of the namespace is touched */
static int probe_pair(struct nl_sock *sock, int ret_ifindex[2], struct err *err)
{
	static const char *const names[] = { "dupackprobe0", "dupackprobe1" };
	struct rtnl_link *veth = rtnl_link_veth_alloc();
	struct nl_msg *msg = NULL;
	int rc = -NLE_NOMEM;

	if (veth) {
		struct rtnl_link *peer = rtnl_link_veth_get_peer(veth); /* a reference of ours */

		rtnl_link_set_name(veth, names[0]);
		rtnl_link_set_name(peer, names[1]);
		rtnl_link_put(peer);
		rc = rtnl_link_build_add_request(veth, NLM_F_CREATE | NLM_F_EXCL, &msg);
	}
	rtnl_link_veth_release(veth);
	if (rc < 0)
		return err_set(err, 0, "cannot add a veth pair: %s", nl_geterror(rc));
	if (netlink_talk(sock, msg, err, "cannot add a veth pair"))
		return -1;
	for (int n = 0; n < 2; n++) {
		struct rtnl_link *link = NULL;

		rc = rtnl_link_get_kernel(sock, 0, names[n], &link);
		if (rc < 0)
			return err_set(err, 0, "cannot find '%s': %s", names[n], nl_geterror(rc));
		ret_ifindex[n] = rtnl_link_get_ifindex(link);
		rtnl_link_put(link);
	}
	return 0;
}

/**
 * netem_supported() - Can this kernel do all that this file asks for?
 * @sock:	Opened in any namespace where we are root; it is left as it was
 *
 * Return: 0, or -1 with @err set: ERR_SKIP with the reason
 */
int netem_supported(struct nl_sock *sock, struct err *err)
{
	struct netem_redirect_stats redirect_stats;
	struct netem_stats stats;
	struct impairment plan = { .delay_ns = NS_PER_MS };
	struct err ignored = { 0 };
	int ifindex[2] = { 0 };
	int rc = probe_pair(sock, ifindex, err);

	rc = rc || netem_set(sock, ifindex[0], &plan, true, 1, err) ||
	     netem_stats(sock, ifindex[0], &stats, err) ||
	     netem_redirect(sock, ifindex[1], ifindex[0], err) ||
	     netem_redirect_stats(sock, ifindex[1], &redirect_stats, err);
	if (ifindex[0]) {
		struct ifinfomsg info = { .ifi_index = ifindex[0] };
		struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELLINK, 0);

		nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
		netlink_talk(sock, msg, &ignored, "cannot remove a veth pair");
	}
	if (!rc)
		return 0;
	err->kind = ERR_SKIP;
	return err_wrap(err, "this kernel cannot run the engine 'netem' (see 'dupack doctor')");
}
