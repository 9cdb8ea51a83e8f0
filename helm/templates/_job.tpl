{{/* The spec of a Job, and of a CronJob's Jobs. */}}
{{- define "sidepost.jobSpec" -}}
{{- with .Values.job -}}
backoffLimit: {{ .backoffLimit }}
completions: {{ .completions }}
parallelism: {{ .parallelism }}
{{- if ne .activeDeadlineSeconds nil }}
activeDeadlineSeconds: {{ .activeDeadlineSeconds }}
{{- end }}
{{- if ne .ttlSecondsAfterFinished nil }}
ttlSecondsAfterFinished: {{ .ttlSecondsAfterFinished }}
{{- end }}
{{- end }}
template:
  {{- include "sidepost.podTemplate" . | nindent 2 }}
{{- end -}}
