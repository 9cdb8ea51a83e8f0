{{/* What is allowed, and may be a mistake: a line each. */}}
{{- define "sidepost.advice" -}}
{{- $env := include "sidepost.env" . | fromYaml -}}
{{- $spools := include "sidepost.spools" . -}}
{{- if eq .Values.kafka.brokers "embedded" }}
- kafka.brokers is "embedded": events go nowhere. Set the brokers of your Kafka.
{{- end }}
{{- if not (hasKey $env "APP_NAME") }}
- env.APP_NAME is missing: the source of every event is "producer-service". Set the name of your application.
{{- end }}
{{- if not $spools }}
- spool.mode is "off": what Kafka has not taken when a container or Pod ends is lost, if it was only "accepted".
{{- else if eq .Values.spool.volume "emptyDir" }}
- spool.volume is "emptyDir": events on disk outlive a restart of the container, but not the Pod. "pvc" outlives both.
{{- end }}
{{- $least := ternary 110 70 (ne "" $spools) }}
{{- with (.Values.resources.limits).memory }}
{{- if lt (include "sidepost.bytes" (toString .) | int64) (mul $least 1024 1024) }}
- resources.limits.memory is {{ . }}: sidepost may be killed when Kafka is down. It should be {{ $least }}Mi or more.
{{- end }}
{{- end }}
{{- if and (not (include "sidepost.native" .)) (eq .Values.mode "sidecar") }}
- nativeSidecar is false: your container may start before sidepost is ready, so let it try again.
{{- if has .Values.kind (list "Job" "CronJob") }}
- nativeSidecar is false: the Job ends only when your container says so: POST http://127.0.0.1:{{ include "sidepost.port" $env.METRICS_PORT }}/quitquitquit as the last thing it does.
{{- end }}
{{- end }}
{{- if and (eq .Values.mode "gateway") (ne .Values.networkPolicy.enabled nil) (not .Values.networkPolicy.enabled) }}
- networkPolicy.enabled is false: whoever reaches the gateway can post, and whoever reaches its admin port can end it.
{{- end }}
{{- end -}}
