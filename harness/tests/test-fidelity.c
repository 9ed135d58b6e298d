// SPDX-License-Identifier: Apache-2.0
/*
 * Do the engines do what their numbers say?  Frames that this test made, counted and timed
 * where they come out, against the law of each model; and the two engines side by side.
 * The bounds are exceeded by chance in one run of a thousand, but seeds are fixed: in
 * virtual time each run is the same.
 *
 * The guest's kernel has netem, and its time is exact (harness/tests/fidelity.sh runs this
 * test there).  On a host without netem the wire is tested alone.  A host has other work,
 * so there each time has three tries, and may be late by a millisecond, one in a hundred by ten.
 */
#include <math.h>
#include <sys/wait.h>

#include "impair/distribution.h"
#include "impair/wire.h"
#include "tests/netem-rig.h"

#define LOSS_FRAMES  FRAMES_MAX
#define BURST_FRAMES 40000
#define SOME_FRAMES  10000
#define DELAY_FRAMES (virtual_time ? 5000U : 1000U) /* a host waits for each of them */
#define PACE	     10 /* frames a millisecond */
#define Z_999	     3.2905 /* two-sided 99.9 % of a normal distribution */
#define KS_999	     1.9495 /* of Kolmogorov's, divided by the root of n */
#define GRANULE	     (1.0 / DISTRIBUTION_SCALE) /* what a table of 4096 entries may be beside */
#define BINS	     64
#define TRIES	     (virtual_time ? 1 : 3)
#define LATE_MS	     (virtual_time ? 0.01 : 1)
#define LATEST_MS    (virtual_time ? 0.01 : 10)

/* What came of the frames of one run */
struct sample {
	unsigned n;
	uint8_t intact[FRAMES_MAX]; /* how often each came unchanged */
	double delay_ms[FRAMES_MAX]; /* of each, in the order of sending; 0: did not come */
};

static struct sample samples[ENGINE_COUNT];
static bool has_netem;

/* --- the two engines ---------------------------------------------------------------------- */

struct wire_rig {
	pid_t pid;
	int control;
};

static struct wire_rig wire_open(const struct impairment *plan)
{
	struct wire_rig w = { 0 };
	int control[2] = { -1, -1 }, a[2] = { -1, -1 }, b[2] = { -1, -1 }, size = 4 << 20;

	rig_close();
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) &&
		     !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, a) &&
		     !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b),
	     "sockets");
	setsockopt(b[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fflush(stdout);
	w.pid = fork();
	if (w.pid == 0) {
		struct wire_config config = { .link = "outside",
					      .fd = { a[1], b[1] },
					      .impair = { plan },
					      .seed = SEED,
					      .decisions_fd = -1 };
		struct err err = { 0 };

		close(control[0]);
		close(a[0]);
		close(b[0]);
		_exit(wire_run(&config, control[1], &err) ? 1 : 0);
	}
	close(control[1]);
	close(a[1]);
	close(b[1]);
	w.control = control[0];
	rig.fd[DIR_UP] = a[0];
	rig.fd[DIR_DOWN] = b[0];
	must(!fcntl(b[0], F_SETFL, O_NONBLOCK), "non-blocking");
	return w;
}

static struct impair_counters wire_end(const struct wire_rig *w)
{
	struct impair_counters c[DIR_COUNT];
	struct err err = { 0 };
	int status;

	must(!wire_stop(w->control, c, NULL, &err), err.text);
	close(w->control);
	waitpid(w->pid, &status, 0);
	return c[DIR_UP];
}

/* All at once, in batches; what has no delay has come out when the wire answers */
static void wire_burst(const struct wire_rig *w, unsigned frames)
{
	struct err err = { 0 };

	for (unsigned n = 0; n < frames; n += BATCH) {
		send_frames(DIR_UP, n, n + BATCH, 100);
		must(!wire_arm(w->control, &err), err.text);
		receive_frames(DIR_UP);
	}
}

static unsigned waits, late_waits; /* of this process, which has no wire to wait for */

static void pace(unsigned frames, uint64_t wait_ns)
{
	for (unsigned n = 0; n < frames; n += PACE) {
		uint64_t due = clock_ns() + NS_PER_MS;

		send_frames(DIR_UP, n, n + PACE, 100);
		receive_for(DIR_UP, NS_PER_MS);
		waits++;
		late_waits += clock_ns() > due + NS_PER_MS / 2;
	}
	receive_for(DIR_UP, wait_ns);
}

/* Nobody who waits for a millisecond gets it: what a wire does then says nothing of it */
static bool host_is_busy(void)
{
	return !virtual_time && late_waits * 50 > waits;
}

static void judge(bool holds, const char *what, enum impair_engine e)
{
	if (!holds && host_is_busy())
		tap_skip("this machine is busy: of the test's own waits many ended late");
	else
		tap_ok(holds, "%s, %s: as the model", what, impair_engine_names[e]);
}

static void take_sample(struct sample *s, unsigned frames)
{
	s->n = frames;
	for (unsigned n = 0; n < frames; n++) {
		s->intact[n] = rig.intact[n];
		s->delay_ms[n] = (double)rig.delay_ns[n] / 1e6;
	}
}

static void run_wire(const struct impairment *plan, unsigned frames, struct impair_counters *ret)
{
	struct wire_rig w = wire_open(plan);

	if (plan->delay_ns)
		pace(frames, NS_PER_S);
	else
		wire_burst(&w, frames);
	take_sample(&samples[ENGINE_WIRE], frames);
	*ret = wire_end(&w);
}

static void run_netem(const struct impairment *plan, unsigned frames, struct impair_counters *ret)
{
	struct impair_counters c[DIR_COUNT];
	struct err err = { 0 };

	rig_open(plan, NULL);
	if (plan->delay_ns)
		pace(frames, NS_PER_S);
	else
		traffic(DIR_UP, frames, NS_PER_S);
	take_sample(&samples[ENGINE_NETEM], frames);
	must(!impair_stop(&rig.link, c, NULL, &err), err.text);
	*ret = c[DIR_UP];
}

/* Both engines; returns how many there are, the wire first */
static int run(const char *what, const struct impairment *plan, unsigned frames,
	       enum impair_engine ret[2])
{
	int engines = 0;

	ret[engines++] = ENGINE_WIRE;
	if (has_netem && plan->delay_correlation <= 0)
		ret[engines++] = ENGINE_NETEM;
	for (int i = 0; i < engines; i++) {
		struct impair_counters c;

		if (ret[i] == ENGINE_WIRE)
			run_wire(plan, frames, &c);
		else
			run_netem(plan, frames, &c);
		tap_ok(c.seen == frames && !c.failed && !c.overflow && !c.queued,
		       "%s, %s: all %u frames went through the link", what,
		       impair_engine_names[ret[i]], frames);
	}
	return engines;
}

/* --- statistics --------------------------------------------------------------------------- */

/* The 99.9 % point of chi-square (Wilson and Hilferty) */
static double chi_999(int freedom)
{
	double a = 2.0 / (9 * freedom);

	return freedom * pow(1 - a + 3.0902 * sqrt(a), 3);
}

static void check_share(const char *what, enum impair_engine e, double n, double k, double p)
{
	double z = (k - n * p) / sqrt(n * p * (1 - p));

	tap_ok(fabs(z) <= Z_999,
	       "%s, %s: n %.0f, %.0f are %.4g%%, wanted %.4g%%: z %.2f within %.2f", what,
	       impair_engine_names[e], n, k, 100 * k / n, 100 * p, z, Z_999);
}

/* Are two shares of one size the same? */
static void check_same_share(const char *what, double n, double k1, double k2)
{
	double p = (k1 + k2) / (2 * n), z = (k1 - k2) / sqrt(2 * n * p * (1 - p));

	tap_ok(fabs(z) <= Z_999,
	       "%s, wire beside netem: n %.0f each, %.0f and %.0f: z %.2f within %.2f", what, n, k1,
	       k2, z, Z_999);
}

/* Lengths of runs against the geometric law that ends each step by @end */
static void check_geometric(const char *what, enum impair_engine e, const unsigned *counts,
			    unsigned runs, double end)
{
	double chi = 0, share = end, left = runs, tail = 1;
	int bins = 0;

	for (int k = 1; k < BINS - 1 && (tail - share) * runs >= 10; k++, bins++) {
		chi += pow(counts[k] - runs * share, 2) / (runs * share);
		left -= counts[k];
		tail -= share;
		share *= 1 - end;
	}
	chi += pow(left - runs * tail, 2) / (runs * tail);
	tap_ok(bins > 2 && chi <= chi_999(bins),
	       "%s, %s: n %u runs, chi-square %.1f with %d degrees of freedom within %.1f", what,
	       impair_engine_names[e], runs, chi, bins, chi_999(bins));
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The delays that were measured, ascending; returns how many there are */
static unsigned sorted(const struct sample *s, double *ret)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		if (s->intact[i])
			ret[n++] = s->delay_ms[i];
	qsort(ret, n, sizeof(*ret), by_value);
	return n;
}

/* --- what is checked ---------------------------------------------------------------------- */

static unsigned lost_of(const struct sample *s)
{
	unsigned lost = 0;

	for (unsigned n = 0; n < s->n; n++)
		lost += !s->intact[n];
	return lost;
}

static void check_loss(void)
{
	const double ratio = 0.01;
	struct impairment plan = { .loss = ratio };
	enum impair_engine e[2];
	int engines = run("loss", &plan, LOSS_FRAMES, e);

	for (int k = 0; k < engines; k++)
		check_share("loss", e[k], LOSS_FRAMES, lost_of(&samples[e[k]]), ratio);
	if (engines == 2)
		check_same_share("loss", LOSS_FRAMES, lost_of(&samples[e[0]]),
				 lost_of(&samples[e[1]]));
}

/* Lengths of runs of frames that were lost, or that were not; the last may be cut */
static unsigned runs_of(const struct sample *s, bool lost, unsigned counts[BINS])
{
	unsigned runs = 0, len = 0;

	memset(counts, 0, BINS * sizeof(*counts));
	for (unsigned n = 0; n < s->n; n++) {
		if (!s->intact[n] == lost) {
			len++;
		} else if (len) {
			counts[len < BINS ? len : BINS - 1]++;
			runs++;
			len = 0;
		}
	}
	return runs;
}

/* In the bad state all is lost and in the good one nothing: a burst is one bad period */
static void check_bursts(void)
{
	static const struct {
		const char *what;
		struct impairment plan;
		double end, begin;
	} rows[] = {
		{ "gemodel", { .has_gemodel = true, .gemodel = { 0.1, 0.25, 1, 0 } }, 0.25, 0.1 },
		{ "state", { .has_state = true, .state = { 0.1, 0.4, 0, 1, 0 } }, 0.4, 0.1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum impair_engine e[2];
		int engines = run(rows[i].what, &rows[i].plan, BURST_FRAMES, e);

		for (int k = 0; k < engines; k++) {
			unsigned counts[BINS], runs;
			char what[64];

			snprintf(what, sizeof(what), "bursts of %s", rows[i].what);
			runs = runs_of(&samples[e[k]], true, counts);
			check_geometric(what, e[k], counts, runs, rows[i].end);
			snprintf(what, sizeof(what), "gaps of %s", rows[i].what);
			runs = runs_of(&samples[e[k]], false, counts);
			check_geometric(what, e[k], counts, runs, rows[i].begin);
		}
	}
}

static bool delay_holds(const struct impairment *plan, enum impair_engine e, double *ms)
{
	unsigned n = sorted(&samples[e], ms);
	double want = (double)plan->delay_ns / 1e6, p50, p99;

	if (n != DELAY_FRAMES || ms[0] < want)
		return tap_ok(false, "delay, %s: %u came, the first after %.6f ms",
			      impair_engine_names[e], n, n ? ms[0] : 0);
	p50 = ms[n / 2] - want;
	p99 = ms[(size_t)n * 99 / 100] - want;
	printf("# delay, %s: n %u, %.0f ms are late by p50 %.6f ms, p99 %.6f ms, at most %.6f ms, "
	       "within %.2f and %.2f\n",
	       impair_engine_names[e], n, want, p50, p99, ms[n - 1] - want, LATE_MS, LATEST_MS);
	return p50 < LATE_MS && p99 < LATEST_MS;
}

static void check_delay(void)
{
	struct impairment plan = { .delay_ns = 40 * NS_PER_MS };
	static double ms[FRAMES_MAX];
	bool holds[ENGINE_COUNT] = { false };
	enum impair_engine e[2];
	int engines = 0;

	for (int try = 0; try < TRIES && !(engines && holds[e[0]]); try++) {
		engines = run("delay", &plan, DELAY_FRAMES, e);
		for (int k = 0; k < engines; k++)
			holds[e[k]] = delay_holds(&plan, e[k], ms);
	}
	for (int k = 0; k < engines; k++)
		judge(holds[e[k]], "delay", e[k]);
}

/* Which share of the delays is below @x, in units of the jitter, by the formulas */
static double share_below(enum impair_distribution d, double x)
{
	double low = 0, high = 1;

	if (d == DISTRIBUTION_UNIFORM)
		return fmax(0, fmin(1, (x + 1) / 2));
	if (d == DISTRIBUTION_NORMAL)
		return erfc(-x / M_SQRT2) / 2;
	if (d == DISTRIBUTION_PARETO)
		return x <= -2.0 / 3 ? 0 : 1 - pow(x * 3 / 4 + 1.5, -3);
	while (high - low > 1e-9) { /* no closed form: a quarter normal, the rest pareto */
		double u = (low + high) / 2;

		if (distribution_quantile(DISTRIBUTION_NORMAL, u) / 4 +
			    (pow(1 - u, -1.0 / 3) - 1.5) <
		    x)
			low = u;
		else
			high = u;
	}
	return low;
}

/* Which share of a plan's delays is below @ms */
static double share_of(const struct impairment *plan, double ms)
{
	double x = (ms - (double)plan->delay_ns / 1e6) / ((double)plan->jitter_ns / 1e6);

	return x < 3.99 ? share_below(plan->distribution, x) : 1; /* a table ends at 4 */
}

/*
 * Kolmogorov and Smirnov: is the largest difference between measured and model possible?
 * On a host all may be late by LATE_MS: there the model is a band of that width.
 */
static bool model_holds(const struct impairment *plan, enum impair_engine e, const double *ms,
			unsigned n)
{
	double worst = 0, bound = KS_999 / sqrt(n) + GRANULE, late = virtual_time ? 0 : LATE_MS;

	for (unsigned i = 0; i < n; i++) {
		double most = share_of(plan, ms[i]), least = share_of(plan, ms[i] - late);

		if (most < 1) /* a table ends at 4: what is beyond is there */
			worst = fmax(worst, fmax(least - (double)i / n, (i + 1.0) / n - most));
	}
	printf("# jitter %s, %s: n %u, KS %.5f within %.5f\n",
	       distribution_names[plan->distribution], impair_engine_names[e], n, worst, bound);
	return n && worst <= bound;
}

static void check_same(const char *what, const double *a, const double *b, unsigned n)
{
	double worst = 0, bound = KS_999 * sqrt(2.0 / n);
	unsigned i = 0, j = 0;

	while (i < n && j < n) {
		if (a[i] <= b[j])
			i++;
		else
			j++;
		worst = fmax(worst, fabs((double)i - j) / n);
	}
	tap_ok(worst <= bound, "jitter %s, wire beside netem: n %u each, KS %.5f within %.5f", what,
	       n, worst, bound);
}

static void check_distribution(const struct impairment *plan)
{
	static double ms[ENGINE_COUNT][FRAMES_MAX];
	const char *name = distribution_names[plan->distribution];
	bool holds[ENGINE_COUNT] = { false };
	enum impair_engine e[2];
	int engines = 0;

	for (int try = 0; try < TRIES && !(engines && holds[e[0]]); try++) {
		engines = run("jitter", plan, DELAY_FRAMES, e);
		for (int k = 0; k < engines; k++)
			holds[e[k]] =
				model_holds(plan, e[k], ms[e[k]], sorted(&samples[e[k]], ms[e[k]]));
	}
	for (int k = 0; k < engines; k++)
		judge(holds[e[k]], name, e[k]);
	if (engines == 2)
		check_same(name, ms[e[0]], ms[e[1]], DELAY_FRAMES);
}

static void check_jitter(void)
{
	for (enum impair_distribution d = 0; d < DISTRIBUTION_COUNT; d++) {
		struct impairment plan = { .delay_ns = 100 * NS_PER_MS,
					   .jitter_ns = 20 * NS_PER_MS,
					   .distribution = d };

		check_distribution(&plan);
	}
}

/* The wire's alone: the kernel's is none */
static void check_correlation(void)
{
	struct impairment plan = { .delay_ns = 30 * NS_PER_MS,
				   .jitter_ns = 5 * NS_PER_MS,
				   .delay_correlation = 0.5 };
	const struct sample *s = &samples[ENGINE_WIRE];
	double product = 0, square = 0, correlation;
	enum impair_engine e[2];

	run("delay-correlation", &plan, DELAY_FRAMES, e);
	for (unsigned n = 1; n < s->n; n++) {
		product += (s->delay_ms[n] - 30) * (s->delay_ms[n - 1] - 30);
		square += (s->delay_ms[n] - 30) * (s->delay_ms[n] - 30);
	}
	correlation = product / square;
	printf("# delays correlated by 50%%, wire: n %u, measured %.4f, within %.4f of 0.5\n", s->n,
	       correlation, Z_999 / sqrt(s->n));
	judge(fabs(correlation - 0.5) < Z_999 / sqrt(s->n), "delay-correlation", ENGINE_WIRE);
}

static unsigned twice_in(const struct sample *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->intact[i] == 2;
	return n;
}

static void check_chances(void)
{
	static const struct {
		const char *what;
		struct impairment plan;
		unsigned (*count)(const struct sample *s);
	} rows[] = {
		{ "duplicate", { .duplicate = { 0.05, 0 } }, twice_in },
		{ "corrupt", { .corrupt = { 0.05, 0 } }, lost_of }, /* did not come unchanged */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum impair_engine e[2];
		int engines = run(rows[i].what, &rows[i].plan, SOME_FRAMES, e);

		for (int k = 0; k < engines; k++)
			check_share(rows[i].what, e[k], SOME_FRAMES, rows[i].count(&samples[e[k]]),
				    0.05);
		if (engines == 2)
			check_same_share(rows[i].what, SOME_FRAMES, rows[i].count(&samples[e[0]]),
					 rows[i].count(&samples[e[1]]));
	}
}

int main(void)
{
	has_netem = rig_supported();
	check_loss();
	check_bursts();
	check_chances();
	check_delay();
	check_jitter();
	check_correlation();
	rig_close();
	return tap_done();
}
