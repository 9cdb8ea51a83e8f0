{{/* Where the secret's files are. */}}
{{- define "sidepost.secretDir" -}}/run/secrets/sidepost{{- end -}}

{{/* Where the application posts: nobody outside the Pod reaches it, unless it is a gateway. */}}
{{- define "sidepost.serverAddress" -}}
{{- if eq .Values.mode "gateway" -}}:8080
{{- else if .Values.socket.enabled -}}unix:/run/sidepost/data.sock
{{- else -}}127.0.0.1:8080
{{- end -}}
{{- end -}}

{{/* Every variable that sidepost gets, as a map. `env` comes last, so it has the last word. */}}
{{- define "sidepost.env" -}}
{{- $env := dict
  "SERVER_ADDRESS" (include "sidepost.serverAddress" .)
  "SERVER_SHUTDOWN_TIMEOUT" "30s"
  "METRICS_PORT" ":9090"
  "METRICS_ENABLED" (toString .Values.metrics.enabled)
  "KAFKA_BROKER_LIST" .Values.kafka.brokers
-}}
{{- if include "sidepost.spools" . -}}
{{- $env = merge $env (dict "SPOOL_MODE" .Values.spool.mode "SPOOL_DIR" "/var/lib/sidepost" "SPOOL_MAX_BYTES" .Values.spool.maxBytes) -}}
{{- end -}}
{{- $env = merge $env (include "sidepost.kafkaEnv" . | fromYaml) -}}
{{- range $name, $value := .Values.env -}}
{{- /* Helm reads whole numbers as floats, and would print a million as 1e+06. */ -}}
{{- $_ := set $env $name (kindIs "float64" $value | ternary (int64 $value | toString) (toString $value)) -}}
{{- end -}}
{{- if and (eq .Values.mode "gateway") (include "sidepost.tests" .) -}}
{{- $_ := set $env "EVENT_TYPES" (include "sidepost.testedEventTypes" .) -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{- define "sidepost.kafkaEnv" -}}
{{- $dir := include "sidepost.secretDir" . -}}
{{- with .Values.kafka -}}
{{- $protocol := printf "%s%s" (ternary "sasl_" "" (ne .sasl.mechanism "")) (ternary "ssl" "plaintext" .tls.enabled) -}}
{{- if ne $protocol "plaintext" }}
RDKAFKA_SECURITY_PROTOCOL: {{ $protocol }}
{{- end }}
{{- if .sasl.mechanism }}
RDKAFKA_SASL_MECHANISM: {{ .sasl.mechanism }}
RDKAFKA_SASL_USERNAME_FILE: {{ $dir }}/{{ .sasl.username }}
RDKAFKA_SASL_PASSWORD_FILE: {{ $dir }}/{{ .sasl.password }}
{{- end }}
{{- if .tls.ca }}
RDKAFKA_SSL_CA_LOCATION: {{ $dir }}/{{ .tls.ca }}
{{- end }}
{{- if .tls.certificate }}
RDKAFKA_SSL_CERTIFICATE_LOCATION: {{ $dir }}/{{ .tls.certificate }}
RDKAFKA_SSL_KEY_LOCATION: {{ $dir }}/{{ .tls.key }}
{{- end }}
{{- end -}}
{{- end -}}
