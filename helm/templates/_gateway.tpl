{{/* Whether the autoscaler decides how many Pods there are; "" is no. */}}
{{- define "sidepost.scales" -}}
{{- if and (eq .Values.mode "gateway") .Values.gateway.hpa.enabled -}}true{{- end -}}
{{- end -}}

{{/* The ports of Kafka, as a JSON list. */}}
{{- define "sidepost.kafkaPorts" -}}
{{- $ports := list -}}
{{- range splitList "," .Values.kafka.brokers -}}
{{- with include "sidepost.port" (trim .) -}}{{- $ports = append $ports (int .) -}}{{- end -}}
{{- end -}}
{{- range .Values.networkPolicy.kafkaPorts -}}{{- $ports = append $ports (int .) -}}{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
