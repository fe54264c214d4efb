{{- define "daybook.labels" -}}
app.kubernetes.io/name: daybook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "daybook.account" -}}
{{ .Values.serviceAccount.name | default (ternary .Release.Name "default" .Values.serviceAccount.create) }}
{{- end -}}

{{/* The port of serve.listen, such as :8080. */}}
{{- define "daybook.port" -}}
{{ .Values.config.serve.listen | trimPrefix ":" }}
{{- end -}}
