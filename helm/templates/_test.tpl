{{/* Whether `helm test` has something to do; "" is no. An ordinary container would keep its Pod from ending. */}}
{{- define "sidepost.tests" -}}
{{- $possible := or (eq .Values.mode "gateway") (and (eq .Values.mode "sidecar") .Values.nativeSidecar) -}}
{{- if and .Values.test.enabled $possible (not (hasKey .Values.env "EVENT_TYPES_FILE")) -}}true{{- end -}}
{{- end -}}

{{/* EVENT_TYPES with the test's own event, which no consumer can take for a real one. */}}
{{- define "sidepost.testedEventTypes" -}}
{{- $types := .Values.env.EVENT_TYPES | default "" -}}
{{- contains "helm-test=" $types | ternary $types (compact (list $types "helm-test=helm_test") | join ",") -}}
{{- end -}}

{{/* The chart's context for the test's Pod: no application, and no spool, which is another Pod's. */}}
{{- define "sidepost.testContext" -}}
{{- $values := deepCopy .Values -}}
{{- $_ := set $values.spool "mode" "off" -}}
{{- $_ := set $values.env "EVENT_TYPES" (include "sidepost.testedEventTypes" .) -}}
{{- toYaml $values -}}
{{- end -}}

{{/* Where the test posts: to its own sidepost, or to the gateway's Service, by the variables that Kubernetes sets. */}}
{{- define "sidepost.testAddress" -}}
{{- if eq .Values.mode "gateway" -}}
$({{ include "sidepost.fullname" . | upper | replace "-" "_" }}_SERVICE_HOST):{{ .Values.gateway.service.port }}
{{- else -}}
{{ get (include "sidepost.env" . | fromYaml) "SERVER_ADDRESS" }}
{{- end -}}
{{- end -}}
