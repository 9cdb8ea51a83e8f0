import type { Patch } from "./patch.ts";

/** Waits that the wall clock has no part in. */
export const CLOCK_PATCHES: readonly Patch[] = [
  {
    file: "src/tinycthread_extra.c",
    // librdkafka reckons a wait by the wall clock. Set back by two hours, a wait of 100 ms that was under way lasts for two
    // hours more, unless something else wakes the thread: timers, metadata and transactions stand still meanwhile.
    why: "a wait must end in time when the wall clock is set back",
    find: `                struct timeval tv;
                struct timespec ts;

                gettimeofday(&tv, NULL);
                ts.tv_sec  = tv.tv_sec;
                ts.tv_nsec = tv.tv_usec * 1000;

`,
    replace: `                struct timespec ts;

                clock_gettime(CLOCK_MONOTONIC, &ts);
`,
  },
  {
    file: "src/tinycthread_extra.c",
    // glibc's cnd_t and mtx_t are its pthread types (nptl/cnd_timedwait.c casts them likewise).
    why: "the other half of the one above: C11 has no wait by another clock, glibc has one since 2.30",
    find: `                ret                = cnd_timedwait(cnd, mtx, &ts);
`,
    replace: `                ret                = pthread_cond_clockwait(
                          (pthread_cond_t *)cnd, (pthread_mutex_t *)mtx,
                          CLOCK_MONOTONIC, &ts) == ETIMEDOUT
                                         ? thrd_timedout
                                         : thrd_success;
`,
  },
];
