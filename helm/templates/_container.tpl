{{/*
sidepost's container, as an item of a list: of initContainers where it is a native sidecar, else of containers. A chart
that depends on this one writes
  initContainers:
    {{- include "sidepost.container" (index .Subcharts "sidepost") | nindent 8 }}
*/}}
{{- define "sidepost.container" -}}
{{- include "sidepost.check" . -}}
{{- $env := include "sidepost.env" . | fromYaml -}}
{{- $gateway := eq .Values.mode "gateway" -}}
- name: sidepost
  image: {{ include "sidepost.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- if include "sidepost.native" . }}
  restartPolicy: Always
  {{- end }}
  env:
    {{- range $name, $value := $env }}
    - name: {{ $name }}
      value: {{ quote $value }}
    {{- end }}
  ports:
    {{- if $gateway }}
    - name: http
      containerPort: {{ include "sidepost.port" $env.SERVER_ADDRESS }}
    {{- end }}
    - name: admin
      containerPort: {{ include "sidepost.port" $env.METRICS_PORT }}
  startupProbe:
    httpGet: { path: /readyz, port: admin }
    periodSeconds: 1
    timeoutSeconds: 3
    failureThreshold: {{ .Values.startupSeconds }}
  livenessProbe:
    httpGet: { path: /livez, port: admin }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 3
  {{- if $gateway }}
  readinessProbe:
    httpGet: { path: /readyz, port: admin }
    periodSeconds: 2
    timeoutSeconds: 3
    failureThreshold: 2
  {{- if semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version }}
  lifecycle:
    preStop:
      sleep: { seconds: {{ .Values.gateway.preStopSeconds }} }
  {{- end }}
  {{- end }}
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  {{- with include "sidepost.volumeMounts" . }}
  volumeMounts:
    {{- . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "sidepost.volumeMounts" -}}
{{- $mounts := list -}}
{{- if include "sidepost.spools" . -}}
{{- $mounts = append $mounts (dict "name" "sidepost-spool" "mountPath" "/var/lib/sidepost") -}}
{{- end -}}
{{- if .Values.kafka.existingSecret -}}
{{- $mounts = append $mounts (dict "name" "sidepost-kafka" "mountPath" (include "sidepost.secretDir" .) "readOnly" true) -}}
{{- end -}}
{{- with concat $mounts (include "sidepost.toolMounts" . | fromYamlArray) -}}{{- toYaml . -}}{{- end -}}
{{- end -}}

{{/* What the program needs to run at all, and to find the socket. */}}
{{- define "sidepost.toolMounts" -}}
{{- $mounts := list -}}
{{- if .Values.socket.enabled -}}
{{- $mounts = append $mounts (include "sidepost.socketMount" . | fromYaml) -}}
{{- end -}}
{{- if include "sidepost.needsTmp" . -}}
{{- $mounts = append $mounts (dict "name" "sidepost-tmp" "mountPath" "/tmp") -}}
{{- end -}}
{{- with $mounts -}}{{- toYaml . -}}{{- end -}}
{{- end -}}

{{/* The mount of the socket's folder, for the application's container as well. */}}
{{- define "sidepost.socketMount" -}}
name: sidepost-socket
mountPath: /run/sidepost
{{- end -}}

{{/* The image has the unpacked native core in /tmp for its own user only. "" is no. */}}
{{- define "sidepost.needsTmp" -}}
{{- if ne (toString .Values.securityContext.runAsUser) "65532" -}}true{{- end -}}
{{- end -}}

{{/* The volumes that the container mounts, as items of a list; none where there is nothing to mount. */}}
{{- define "sidepost.volumes" -}}
{{- if and (include "sidepost.spools" .) (eq .Values.spool.volume "emptyDir") }}
- name: sidepost-spool
  emptyDir:
    sizeLimit: {{ include "sidepost.spoolSize" . }}
{{- else if and (include "sidepost.spools" .) (include "sidepost.spoolClaim" .) }}
- name: sidepost-spool
  persistentVolumeClaim:
    claimName: {{ include "sidepost.spoolClaim" . }}
{{- end }}
{{- with .Values.kafka.existingSecret }}
- name: sidepost-kafka
  secret:
    secretName: {{ . }}
{{- end }}
{{- if .Values.socket.enabled }}
- name: sidepost-socket
  emptyDir:
    sizeLimit: 1Mi
{{- end }}
{{- if include "sidepost.needsTmp" . }}
- name: sidepost-tmp
  emptyDir:
    sizeLimit: 32Mi
{{- end }}
{{- end -}}
