{{/* What names and labels call it. */}}
{{- define "sidepost.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of what belongs to the release. 52 characters leave room for what a CronJob and a Job add. */}}
{{- define "sidepost.fullname" -}}
{{- $name := include "sidepost.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "sidepost.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sidepost.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sidepost.labels" -}}
{{ include "sidepost.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ .Values.mode }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "sidepost.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{/* Whether sidepost is a native sidecar; "" is no. */}}
{{- define "sidepost.native" -}}
{{- if and .Values.nativeSidecar (ne .Values.mode "gateway") -}}true{{- end -}}
{{- end -}}

{{/* A duration of sidepost's, such as 1500ms, in whole seconds, rounded up. */}}
{{- define "sidepost.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- if eq $unit "ms" -}}
{{- div (add $number 999) 1000 -}}
{{- else -}}
{{- mul $number (get (dict "" 1 "s" 1 "m" 60 "h" 3600) $unit) -}}
{{- end -}}
{{- end -}}

{{/* A size of sidepost's (1GiB) or of Kubernetes' (1Gi) in bytes. */}}
{{- define "sidepost.bytes" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[A-Za-z]+$" . | trimSuffix "B" -}}
{{- $kilo := ternary 1024 1000 (hasSuffix "i" $unit) -}}
{{- $power := get (dict "" 0 "k" 1 "K" 1 "M" 2 "G" 3 "T" 4) (trimSuffix "i" $unit) -}}
{{- range until (int $power) -}}{{- $number = mul $number $kilo -}}{{- end -}}
{{- $number -}}
{{- end -}}

{{/* The port of an address such as :8080. */}}
{{- define "sidepost.port" -}}
{{- regexFind "[0-9]+$" . -}}
{{- end -}}

{{/* How long the process may take from SIGTERM on: the drain, then its last log lines. */}}
{{- define "sidepost.drainSeconds" -}}
{{- $env := include "sidepost.env" . | fromYaml -}}
{{- add (include "sidepost.seconds" $env.SERVER_SHUTDOWN_TIMEOUT) 5 -}}
{{- end -}}

{{/* What ends before sidepost is told to: the application, or a gateway's place in the Service. */}}
{{- define "sidepost.leadSeconds" -}}
{{- ternary .Values.gateway.preStopSeconds .Values.appStopSeconds (eq .Values.mode "gateway") | int -}}
{{- end -}}

{{- define "sidepost.leastGraceSeconds" -}}
{{- add (include "sidepost.leadSeconds" .) (include "sidepost.drainSeconds" .) -}}
{{- end -}}

{{/* For the Pods of other charts, too. */}}
{{- define "sidepost.terminationGracePeriodSeconds" -}}
{{- .Values.terminationGracePeriodSeconds | default (include "sidepost.leastGraceSeconds" .) | int -}}
{{- end -}}
