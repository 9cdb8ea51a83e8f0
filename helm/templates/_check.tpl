{{/* Refuses what would be wrong in the cluster, with what to do about it. */}}
{{- define "sidepost.check" -}}
{{- $gateway := eq .Values.mode "gateway" -}}
{{- if not .Values.kafka.brokers -}}
{{- fail "kafka.brokers is missing: set host:port of your brokers, such as kafka-0:9092,kafka-1:9092, or \"embedded\" to try sidepost without Kafka" -}}
{{- end -}}
{{- if and (include "sidepost.native" .) (semverCompare "<1.29-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "native sidecars need Kubernetes 1.29, and this is %s: set nativeSidecar: false, and see docs/kubernetes.md for what changes" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if and (eq .Values.mode "sidecar") (not (.Values.app).image) -}}
{{- fail "app.image is missing: mode: sidecar runs your container beside sidepost. Set app.image, or mode: gateway for sidepost alone, or mode: container where your own chart includes it" -}}
{{- end -}}
{{- if eq "sidepost" ((.Values.app).name | default "") -}}
{{- fail "app.name: sidepost is the name of the container beside it; choose another" -}}
{{- end -}}
{{- if and (has .Values.kind (list "Job" "CronJob")) (ne 1 (int .Values.replicas)) -}}
{{- fail (printf "replicas: %d is for a Deployment or a StatefulSet; a %s has job.parallelism and job.completions" (int .Values.replicas) .Values.kind) -}}
{{- end -}}
{{- if and .Values.app (ne .Values.mode "sidecar") -}}
{{- fail (printf "app is for mode: sidecar, and this is mode: %s, which runs no container of yours" .Values.mode) -}}
{{- end -}}
{{- if and $gateway .Values.socket.enabled -}}
{{- fail "socket.enabled is for an application in the same Pod; a gateway has clients elsewhere" -}}
{{- end -}}
{{- if and $gateway (has .Values.kind (list "Job" "CronJob")) -}}
{{- fail (printf "kind: %s is not for mode: gateway; allowed: Deployment, StatefulSet" .Values.kind) -}}
{{- end -}}
{{- include "sidepost.checkEnv" . -}}
{{- include "sidepost.checkGrace" . -}}
{{- include "sidepost.checkKafka" . -}}
{{- include "sidepost.checkSpool" . -}}
{{- end -}}

{{- define "sidepost.checkEnv" -}}
{{- $owned := dict
  "KAFKA_BROKER_LIST" "kafka.brokers" "SPOOL_MODE" "spool.mode" "SPOOL_DIR" "spool.volume"
  "SPOOL_MAX_BYTES" "spool.maxBytes" "METRICS_ENABLED" "metrics.enabled" -}}
{{- range $name, $value := $owned -}}
{{- if or (hasKey $.Values.env $name) (hasKey $.Values.env (printf "%s_FILE" $name)) -}}
{{- fail (printf "env.%s has a value of its own: set %s instead" $name $value) -}}
{{- end -}}
{{- end -}}
{{- range list "SERVER_ADDRESS" "METRICS_PORT" "SERVER_SHUTDOWN_TIMEOUT" -}}
{{- if hasKey $.Values.env (printf "%s_FILE" .) -}}
{{- fail (printf "env.%s_FILE: the Pod depends on this value, so it must be in env.%s" . .) -}}
{{- end -}}
{{- end -}}
{{- $address := .Values.env.SERVER_ADDRESS | default "" -}}
{{- if hasPrefix "unix:" $address -}}
{{- fail "env.SERVER_ADDRESS: a Unix socket needs a volume; set socket.enabled: true instead" -}}
{{- end -}}
{{- if and .Values.socket.enabled $address -}}
{{- fail (printf "env.SERVER_ADDRESS: %s, and socket.enabled is true; set one of them" $address) -}}
{{- end -}}
{{- $env := include "sidepost.env" . | fromYaml -}}
{{- if not (regexMatch "^(0\\.0\\.0\\.0|\\[::\\])?:?[0-9]+$" $env.METRICS_PORT) -}}
{{- fail (printf "env.METRICS_PORT: %s is out of the kubelet's reach; expected a port on all addresses, such as :9090" $env.METRICS_PORT) -}}
{{- end -}}
{{- if and (eq .Values.mode "gateway") (not (regexMatch "^(0\\.0\\.0\\.0|\\[::\\])?:?[0-9]+$" $env.SERVER_ADDRESS)) -}}
{{- fail (printf "env.SERVER_ADDRESS: %s is out of reach for a gateway's clients; expected a port on all addresses, such as :8080" $env.SERVER_ADDRESS) -}}
{{- end -}}
{{- $ours := dict "SERVER_ADDRESS" $env.SERVER_ADDRESS "METRICS_PORT" $env.METRICS_PORT -}}
{{- range (.Values.app).ports -}}
{{- $port := .containerPort | int -}}
{{- range $name, $address := $ours -}}
{{- if eq $port (include "sidepost.port" $address | int) -}}
{{- fail (printf "app.ports: %d is sidepost's own; set env.%s to another port" $port $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sidepost.checkGrace" -}}
{{- $least := include "sidepost.leastGraceSeconds" . | int -}}
{{- with .Values.terminationGracePeriodSeconds -}}
{{- if lt (int .) $least -}}
{{- fail (printf "terminationGracePeriodSeconds: %d is too short; expected %d or more: %s %s, SERVER_SHUTDOWN_TIMEOUT and 5 seconds for the process to end" (int .) $least (ternary "gateway.preStopSeconds" "appStopSeconds" (eq $.Values.mode "gateway")) (include "sidepost.leadSeconds" $)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sidepost.checkKafka" -}}
{{- with .Values.kafka -}}
{{- if and (not .existingSecret) (or .sasl.mechanism .tls.ca .tls.certificate .tls.key) -}}
{{- fail "kafka.existingSecret is missing: kafka.sasl and kafka.tls name keys in it" -}}
{{- end -}}
{{- if and (not .tls.enabled) (or .tls.ca .tls.certificate .tls.key) -}}
{{- fail "kafka.tls.enabled is false, and kafka.tls has certificates: set it to true, or remove them" -}}
{{- end -}}
{{- if ne (empty .tls.certificate) (empty .tls.key) -}}
{{- fail "kafka.tls.certificate and kafka.tls.key belong together: set both or neither" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sidepost.checkSpool" -}}
{{- $spool := .Values.spool -}}
{{- if include "sidepost.spools" . -}}
{{- if and $spool.size (le (include "sidepost.bytes" $spool.size | int64) (include "sidepost.bytes" $spool.maxBytes | int64)) -}}
{{- fail (printf "spool.size: %s is too small for spool.maxBytes: %s; expected twice that, which is what it is when empty" $spool.size $spool.maxBytes) -}}
{{- end -}}
{{- if and (eq $spool.volume "emptyDir") $spool.existingClaim -}}
{{- fail "spool.existingClaim is for spool.volume: pvc" -}}
{{- end -}}
{{- $shared := and (eq $spool.volume "pvc") (include "sidepost.spoolClaim" .) (ne .Values.mode "container") -}}
{{- if and $shared (eq .Values.mode "gateway") -}}
{{- fail "spool.volume: pvc gives one volume to all Pods of a gateway, and each needs its own: set kind: StatefulSet" -}}
{{- end -}}
{{- if and $shared (gt (int .Values.replicas) 1) (has .Values.kind (list "Deployment" "StatefulSet")) -}}
{{- fail (printf "replicas: %d cannot share one spool; set kind: StatefulSet without spool.existingClaim, or replicas: 1" (int .Values.replicas)) -}}
{{- end -}}
{{- if and $shared (has .Values.kind (list "Job" "CronJob")) (or (gt (int .Values.job.parallelism) 1) (eq .Values.job.concurrencyPolicy "Allow")) -}}
{{- fail "Pods that run at once cannot share one spool: set job.parallelism: 1 and job.concurrencyPolicy: Forbid" -}}
{{- end -}}
{{- if and (eq $spool.volume "pvc") (eq .Values.mode "gateway") .Values.gateway.hpa.enabled -}}
{{- fail "gateway.hpa.enabled: a Pod that is scaled away leaves its spool behind; set it to false with spool.volume: pvc, and choose replicas" -}}
{{- end -}}
{{- end -}}
{{- end -}}
