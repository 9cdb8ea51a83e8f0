{{/* The job of what is scraped, however it is found: rules and the dashboard go by it. */}}
{{- define "sidepost.scrape" -}}
path: /metrics
interval: {{ .interval }}
relabelings:
  - targetLabel: job
    replacement: {{ .job }}
{{- end -}}

{{- define "sidepost.checkMonitors" -}}
{{- $metrics := .Values.metrics -}}
{{- if not $metrics.enabled -}}
{{- fail "metrics.enabled is false, and a monitor is on: there is nothing to scrape" -}}
{{- end -}}
{{- if and $metrics.podMonitor.enabled $metrics.serviceMonitor.enabled -}}
{{- fail "metrics.podMonitor and metrics.serviceMonitor are both on: each Pod would be scraped twice; choose one" -}}
{{- end -}}
{{- if and $metrics.serviceMonitor.enabled (ne .Values.mode "gateway") -}}
{{- fail (printf "metrics.serviceMonitor is for mode: gateway, and this is mode: %s, which has no Service: set metrics.podMonitor.enabled" .Values.mode) -}}
{{- end -}}
{{- if and $metrics.podMonitor.enabled (eq .Values.mode "container") (not $metrics.podMonitor.podLabels) -}}
{{- fail "metrics.podMonitor.podLabels is missing: mode: container leaves the Pods to your chart, and a monitor finds them by their labels" -}}
{{- end -}}
{{- end -}}
