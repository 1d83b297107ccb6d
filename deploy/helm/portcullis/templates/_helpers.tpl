{{- define "portcullis.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* At most 53 characters: suffixes have to fit behind it. */}}
{{- define "portcullis.fullname" -}}
{{- $name := include "portcullis.name" . -}}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $both .Values.fullnameOverride | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "portcullis.selector" -}}
app.kubernetes.io/name: {{ include "portcullis.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "portcullis.labels" -}}
{{ include "portcullis.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "portcullis.serviceAccount" -}}
{{- $usual := ternary (include "portcullis.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $usual .Values.serviceAccount.name }}
{{- end }}

{{- define "portcullis.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- $digest := ternary "" (printf "@%s" .Values.image.digest) (empty .Values.image.digest) -}}
{{- printf "%s:%s%s" .Values.image.repository $tag $digest }}
{{- end }}

{{/* portcullis.yaml: what the values say, and what the chart knows about the pod. */}}
{{- define "portcullis.config" -}}
{{- $drain := .Values.drain -}}
{{- $ours := dict
  "node" .Values.node
  "http" (dict "listen_address" "::" "listen_port" 8432)
  "control_socket" "/run/portcullis/control/control.sock"
  "tls" (dict "certificate" "/etc/portcullis/tls/tls.crt" "key" "/etc/portcullis/tls/tls.key")
  "timeouts" (dict
    "drain_delay" (printf "%ds" (int $drain.delaySeconds))
    "drain" (printf "%ds" (int $drain.seconds)))
-}}
{{- mergeOverwrite (deepCopy .Values.config) $ours | toYaml }}
{{- end }}
