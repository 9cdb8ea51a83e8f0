import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLOCK_PATCHES } from "./clock-patches.ts";
import { DRAIN_PATCHES } from "./drain-patches.ts";
import { EPOCH_PATCHES } from "./epoch-patches.ts";
import { ORDER_PATCHES } from "./order-patches.ts";
import type { Patch } from "./patch.ts";
import { RECORD_PATCHES } from "./record-patches.ts";
import { RETRY_PATCHES } from "./retry-patches.ts";
import { SIZE_PATCHES } from "./size-patches.ts";
import { TOPIC_PATCHES } from "./topic-patches.ts";

/** What librdkafka 2.15.1 does not do well enough for us. Each is to go when upstream has it. */
export const PATCHES: readonly Patch[] = [
  {
    file: "src/rdhttp.c",
    why: "a retry's answer must not be read behind the body of the error before it",
    find: `        res = curl_easy_perform(hreq->hreq_curl);
`,
    replace: `        rd_buf_destroy_free(hreq->hreq_buf);
        hreq->hreq_buf = rd_buf_new(1, 1024);

        res = curl_easy_perform(hreq->hreq_curl);
`,
  },
  {
    file: "src/rdhttp.c",
    // Closing waits for the thread that fetches: twenty seconds, where the endpoint does not answer.
    why: "a client that is closed must give up the token it asks for; libcurl calls this about once a second",
    find: `static void rd_http_ssl_configure(rd_kafka_t *rk, CURL *hreq_curl) {
`,
    replace: `static int rd_http_req_progress_cb(void *rk, curl_off_t dltotal, curl_off_t dlnow,
                                   curl_off_t ultotal, curl_off_t ulnow) {
        return rd_kafka_terminating((rd_kafka_t *)rk) ? 1 : 0;
}

static void rd_http_ssl_configure(rd_kafka_t *rk, CURL *hreq_curl) {
        curl_easy_setopt(hreq_curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(hreq_curl, CURLOPT_XFERINFOFUNCTION,
                         rd_http_req_progress_cb);
        curl_easy_setopt(hreq_curl, CURLOPT_XFERINFODATA, rk);

`,
  },
  {
    file: "src/rdkafka_msg.c",
    // Kafka's "I have these already", to a retry whose first answer was lost, comes with offset -1: counted up, the
    // second message would seem to lie at 0, the third at 1.
    why: "an offset that is not known must not be counted up into ones that look known",
    find: `                rkm->rkm_offset    = base_offset++;
`,
    replace: `                rkm->rkm_offset    = base_offset < 0 ? RD_KAFKA_OFFSET_INVALID
                                                     : base_offset++;
`,
  },
  {
    file: "src/rdkafka_sasl_oauthbearer.c",
    why: "a token that cannot be used must say why: upstream's error event carries a code, and its text alone",
    find: `        if (error_changed)
                rd_kafka_op_err(rk, RD_KAFKA_RESP_ERR__AUTHENTICATION,
                                "Failed to acquire SASL OAUTHBEARER token: %s",
                                errstr);
`,
    replace: `        if (error_changed) {
                rd_kafka_log(rk, LOG_ERR, "OAUTHBEARER",
                             "Failed to acquire SASL OAUTHBEARER token: %s",
                             errstr);
                rd_kafka_op_err(rk, RD_KAFKA_RESP_ERR__AUTHENTICATION,
                                "Failed to acquire SASL OAUTHBEARER token: %s",
                                errstr);
        }
`,
  },
  ...DRAIN_PATCHES,
  ...EPOCH_PATCHES,
  ...RETRY_PATCHES,
  ...SIZE_PATCHES,
  ...RECORD_PATCHES,
  ...ORDER_PATCHES,
  ...TOPIC_PATCHES,
  ...CLOCK_PATCHES,
];

/** Changes a copy of librdkafka's sources. Throws where a place is not there exactly once: the version is another. */
export function patchSources(folder: string): void {
  for (const { file, why, find, replace } of PATCHES) {
    const path = join(folder, file);
    const source = readFileSync(path, "utf8");
    if (source.split(find).length !== 2)
      throw new Error(`librdkafka's ${file} has changed; see to the patch: ${why}`);
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
  }
}
