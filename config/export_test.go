package config

// CompileSchema makes the schema that Load makes once.
var CompileSchema = compileSchema
