// SPDX-License-Identifier: Apache-2.0
/*
 * libnftables is the library behind nft(8): it speaks JSON, so that nothing is parsed
 * that was written for people.
 *
 * Names of protocols are avoided in rules (meta l4proto 6): the library would look
 * them up in /etc/protocols, which the root of a guest does not have.
 */
#include "net/nft.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

#define COUNT_FILE "/proc/sys/net/netfilter/nf_conntrack_count"

static void cleanup_nft(struct nft_ctx **nft)
{
	if (*nft)
		nft_ctx_free(*nft);
}
#define AUTO_NFT __attribute__((cleanup(cleanup_nft)))

static void cleanup_socket(struct nl_sock **sock)
{
	nl_socket_free(*sock);
}

/* The kernel refused a rule that is well formed: it lacks what the rule needs */
static int refused(struct nft_ctx *nft, struct err *err)
{
	AUTO_FREE char *said = io_printf("%s", nft_ctx_get_error_buffer(nft));

	said[strcspn(said, "\n")] = '\0';
	return err_set_kind(err, strstr(said, "Could not process rule") ? ERR_SKIP : ERR_HARNESS,
			    "nftables: %s", *said ? said : "failed, and does not say why");
}

/* Run commands; what they print stays in the context */
static int run(struct nft_ctx **ret, unsigned int output, const char *commands, struct err *err)
{
	AUTO_NFT struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (!nft || nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft))
		return err_set(err, ENOMEM, "cannot use nftables");
	nft_ctx_output_set_flags(nft, output);
	if (nft_run_cmd_from_buffer(nft, commands))
		return refused(nft, err);
	*ret = steal_ptr(&nft);
	return 0;
}

/**
 * nft_load() - Run commands of nft(8), all of them or none
 * @commands:	Text
 * @err:	Set on failure: ERR_SKIP if this kernel cannot do what they say
 *
 * Return: 0 or -1
 */
int nft_load(const char *commands, struct err *err)
{
	AUTO_NFT struct nft_ctx *nft = NULL;

	return run(&nft, 0, commands, err);
}

/**
 * nft_counters() - Read the named counters of a table
 * @table:	Of family inet
 * @ret_counters: Object that gets {"name": packets, ...}
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int nft_counters(const char *table, json_t *ret_counters, struct err *err)
{
	AUTO_NFT struct nft_ctx *nft = NULL;
	AUTO_FREE char *command = io_printf("list counters table inet %s", table);
	json_t *list, *item;
	size_t i;

	if (run(&nft, NFT_CTX_OUTPUT_JSON, command, err))
		return -1;
	list = json_loads(nft_ctx_get_output_buffer(nft), 0, NULL);
	if (!list)
		return err_set(err, 0, "nftables gave no list of counters");
	json_array_foreach (json_object_get(list, "nftables"), i, item) {
		const json_t *counter = json_object_get(item, "counter");
		const char *name = json_string_value(json_object_get(counter, "name"));

		if (name)
			json_object_set(ret_counters, name, json_object_get(counter, "packets"));
	}
	json_decref(list);
	return 0;
}

static int count_connections(uint64_t *ret, struct err *err)
{
	size_t len;
	AUTO_FREE char *text = io_read_file(COUNT_FILE, &len, err);

	if (!text)
		return -1;
	*ret = strtoull(text, NULL, 10);
	return 0;
}

/**
 * nft_forget_connections() - Empty the kernel's table of connections
 * @ret_forgotten: How many there were; set on success
 * @err:	Set on failure: ERR_SKIP if this kernel does not let us
 *
 * A delete request without a connection in it means all (ctnetlink_del_conntrack()).
 *
 * Return: 0 or -1
 */
int nft_forget_connections(uint64_t *ret_forgotten, struct err *err)
{
	__attribute__((cleanup(cleanup_socket))) struct nl_sock *sock = nl_socket_alloc();
	struct nfgenmsg all = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	int type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	struct nl_msg *msg;
	uint64_t n = 0;
	int rc;

	if (count_connections(&n, err))
		return -1;
	rc = sock ? nl_connect(sock, NETLINK_NETFILTER) : -NLE_NOMEM;
	msg = rc < 0 ? NULL : nlmsg_alloc_simple(type, NLM_F_REQUEST);
	if (rc >= 0 && (!msg || nlmsg_append(msg, &all, sizeof(all), NLMSG_ALIGNTO)))
		rc = -NLE_NOMEM;
	if (rc >= 0)
		rc = nl_send_sync(sock, msg); /* frees msg */
	if (rc < 0)
		return err_set_kind(err, ERR_SKIP, "cannot empty the table of connections: %s",
				    nl_geterror(rc));
	*ret_forgotten = n;
	return 0;
}
