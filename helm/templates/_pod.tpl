{{/* The Pod of every kind: `spec.template` of a Deployment, StatefulSet or Job. */}}
{{- define "sidepost.podTemplate" -}}
metadata:
  labels:
    {{- include "sidepost.selectorLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ ternary "sidepost" ((.Values.app).name | default "app") (eq .Values.mode "gateway") }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- if has .Values.kind (list "Job" "CronJob") }}
  restartPolicy: {{ .Values.job.restartPolicy }}
  {{- end }}
  terminationGracePeriodSeconds: {{ include "sidepost.terminationGracePeriodSeconds" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automountToken }}
  {{- with .Values.serviceAccount.name }}
  serviceAccountName: {{ . }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if include "sidepost.native" . }}
  initContainers:
    {{- include "sidepost.container" . | nindent 4 }}
  containers:
    {{- include "sidepost.app" . | nindent 4 }}
  {{- else }}
  containers:
    {{- include "sidepost.container" . | nindent 4 }}
    {{- if ne .Values.mode "gateway" }}
    {{- include "sidepost.app" . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- with concat (include "sidepost.volumes" . | fromYamlArray) .Values.volumes }}
  volumes:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- include "sidepost.scheduling" . | nindent 2 }}
{{- end -}}

{{/* The application's container, hardened where it does not say otherwise. */}}
{{- define "sidepost.app" -}}
{{- $hardened := dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) -}}
{{- $app := merge (deepCopy .Values.app) (dict "name" "app" "securityContext" $hardened) -}}
{{- if .Values.socket.enabled -}}
{{- $_ := set $app "volumeMounts" (append ($app.volumeMounts | default list) (include "sidepost.socketMount" . | fromYaml)) -}}
{{- end -}}
{{- toYaml (list $app) -}}
{{- end -}}

{{- define "sidepost.scheduling" -}}
{{- $spec := dict -}}
{{- range $name := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" -}}
{{- with index $.Values $name -}}{{- $_ := set $spec $name . -}}{{- end -}}
{{- end -}}
{{- with $spec -}}{{- toYaml . -}}{{- end -}}
{{- end -}}
