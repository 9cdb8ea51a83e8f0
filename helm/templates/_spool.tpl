{{/* Whether there is a spool; "" is no. YAML reads `off` without quotes as false. */}}
{{- define "sidepost.spools" -}}
{{- if has .Values.spool.mode (list "overflow" "always") -}}true{{- end -}}
{{- end -}}

{{/* The name of the Pod's claim; "" where each Pod of a StatefulSet has its own. */}}
{{- define "sidepost.spoolClaim" -}}
{{- if .Values.spool.existingClaim -}}
{{- .Values.spool.existingClaim -}}
{{- else if ne .Values.kind "StatefulSet" -}}
{{- include "sidepost.fullname" . }}-spool
{{- end -}}
{{- end -}}

{{- define "sidepost.spoolSize" -}}
{{- with .Values.spool -}}
{{- .size | default (printf "%dMi" (add (div (mul 2 (include "sidepost.bytes" .maxBytes)) 1048576) 64)) -}}
{{- end -}}
{{- end -}}

{{- define "sidepost.claimSpec" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.spool.storageClassName }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ include "sidepost.spoolSize" . }}
{{- end -}}

{{/* Items for a StatefulSet's volumeClaimTemplates, also one of another chart; none where there is no such claim. */}}
{{- define "sidepost.volumeClaimTemplates" -}}
{{- if and (include "sidepost.spools" .) (eq .Values.spool.volume "pvc") (not (include "sidepost.spoolClaim" .)) -}}
- metadata:
    name: sidepost-spool
  spec:
    {{- include "sidepost.claimSpec" . | nindent 4 }}
{{- end -}}
{{- end -}}
