import type { Patch } from "./patch.ts";

/** Topics that are not there: known to be missing in time, never by mistake, and said to be. */
export const TOPIC_PATCHES: readonly Patch[] = [
  {
    file: "src/rdkafka_topic.h",
    // librdkafka counts topic.metadata.propagation.max.ms from its own first mention of a topic, or from when the topic
    // was found: after an outage, or where a topic has been there for a while, the first "no such topic" of a broker that
    // does not know yet, or is about to create it, would fail all that waits.
    why: "a topic must be missing for as long as the setting says, by brokers' answers, before its events fail",
    find: `        rd_ts_t rkt_ts_state; /**< State change time. */
`,
    replace: `        rd_ts_t rkt_ts_state; /**< State change time. */
        rd_ts_t rkt_ts_missing; /**< First answer that it does not exist */
`,
  },
  {
    file: "src/rdkafka_topic.c",
    why: "the clock of the one above: set by the first answer that there is no such topic",
    find: `        rd_assert(err != RD_KAFKA_RESP_ERR_NO_ERROR);

        remains_us =
            (rkt->rkt_ts_state +
             (rkt->rkt_rk->rk_conf.metadata_propagation_max_ms * 1000)) -
            rkt->rkt_ts_metadata;
`,
    replace: `        rd_assert(err != RD_KAFKA_RESP_ERR_NO_ERROR);

        if (!rkt->rkt_ts_missing)
                rkt->rkt_ts_missing = rd_clock();
        remains_us =
            rkt->rkt_ts_missing +
            ((rd_ts_t)rkt->rkt_rk->rk_conf.metadata_propagation_max_ms * 1000) -
            rd_clock();
`,
  },
  {
    file: "src/rdkafka_topic.c",
    why: "the same clock: put back by any other answer",
    find: `        rkt->rkt_ts_metadata = ts_age;
`,
    replace: `        rkt->rkt_ts_metadata = ts_age;
        if (mdt->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
            mdt->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID &&
            mdt->err != RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
                rkt->rkt_ts_missing = 0;
`,
  },
  {
    file: "src/rdkafka_topic.h",
    why: "events that wait for a partition of a topic that was deleted must fail for that, not for an unknown partition",
    find: `                err = rkt->rkt_err;
        rd_kafka_topic_rdunlock(rkt);
`,
    replace: `                err = rkt->rkt_err;
        else if (rkt->rkt_state == RD_KAFKA_TOPIC_S_NOTEXISTS)
                err = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        rd_kafka_topic_rdunlock(rkt);
`,
  },
  {
    file: "src/rdkafka_partition.c",
    why: "the same for those that were on the wire, and came back to a partition that nobody serves any more",
    find: `        rd_kafka_dr_msgq(rktp->rktp_rkt, &rktp->rktp_msgq,
                         RD_KAFKA_RESP_ERR__DESTROY);
`,
    // Not under the topic's lock, which the caller may hold: a number that is read a moment too early is an old one.
    replace: `        rd_kafka_dr_msgq(rktp->rktp_rkt, &rktp->rktp_msgq,
                         rktp->rktp_rkt->rkt_state == RD_KAFKA_TOPIC_S_NOTEXISTS
                             ? RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
                             : RD_KAFKA_RESP_ERR__DESTROY);
`,
  },
];
