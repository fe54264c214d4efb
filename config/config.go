// Package config is daybook's configuration: one YAML file, read strictly.
//
// # One definition
//
// The types below are all there is to configure. A field's tags give its name
// in the file, its default and its bounds; its doc comment says what it means.
// The decoder, the defaults and the JSON schema for editors
// (daybook.schema.json) are read off them.
//
// # Reading
//
// [Load] is pure: the environment and the files with secrets are passed in.
// [LoadFile] is the same at the process's edge. Reading reports every problem
// at once, in an [*Error], each with its line and column, its path in the
// file, what is allowed, and an excerpt. Nothing is guessed: members that do
// not exist, members given twice, empty ones, numbers in quotes and anything
// that would be silently reinterpreted are problems.
//
// After parsing, ${VAR} and ${VAR:-default} in a value stand for an
// environment variable, and $$ for a dollar sign; so what a variable holds
// can never change the structure of the file. Anchors, aliases and merge keys
// work, for stores that share their credentials.
//
// # Secrets
//
// A [Secret] shows itself as "<redacted>", however it is printed or encoded;
// only Reveal gives it away. Of a webhook's URL the host is shown. Each secret
// can come from a file instead (its twin that ends in _file). Excerpts hide the
// values of secrets, and of members that look like misspelt ones.
package config

// Config is a whole configuration, with its defaults filled in.
type Config struct {
	// Where the dumps are.
	Source Source `yaml:"source"`
	// Where the reports go.
	Sink Sink `yaml:"sink"`
	// The reports to build. Without any, there is one with all the defaults: named sessions, in UTC and English, of the whole organisation.
	Reports []Report `yaml:"reports" jsonschema:"minItems=1"`
	// How daybook serve works. No other command asks for it.
	Serve Serve `yaml:"serve"`
	// How many dumps and partitions to work on at once. 0 means one for each CPU.
	Workers int `yaml:"workers" jsonschema:"minimum=0,maximum=1024,default=0"`
	// How much memory the work may take, such as 256MiB or 2GiB. What does not fit goes to temporary files.
	MemoryBudget Size `yaml:"memory_budget" jsonschema:"default=1GiB"`
}

// Source says where the dumps are, and which of them to read.
type Source struct {
	// The store that holds the dumps. Its url defaults to ./dumps.
	Store Store `yaml:"store"`
	// What the keys of a day's dumps begin with. {yyyy}, {mm} and {dd} stand for the dump day and occur once each; the rest is taken literally, as in raw/v1/dt={yyyy}-{mm}-{dd}/.
	Key string `yaml:"key" jsonschema:"minLength=1,default={yyyy}/{mm}/{dd}/"`
	// How many dump days before a report's day to read: sessions may last that long.
	LookbackDays int `yaml:"lookback_days" jsonschema:"minimum=1,maximum=366,default=16"`
	// A run fails when more of its lines than this are rejected, such as 1% or 0.5%.
	MaxRejected Percent `yaml:"max_rejected" jsonschema:"default=1%"`
}

// Sink says where the reports go.
type Sink struct {
	// The store that gets the reports. Its url defaults to ./out.
	Store Store `yaml:"store"`
	// How long superseded revisions are kept for daybook diff, such as 7d or 36h. Then daybook gc removes them.
	KeepRevisions Retention `yaml:"keep_revisions" jsonschema:"default=7d"`
}

// Store is an object store, or a directory that serves as one.
type Store struct {
	// s3://bucket/prefix, file:///directory, or the path of a directory, relative to the configuration file.
	URL string `yaml:"url" jsonschema:"minLength=1"`
	// Host and port of an S3 server other than Amazon's, such as minio.example.org:9000.
	Endpoint string `yaml:"endpoint,omitempty"`
	// The bucket's region, where the server wants to know.
	Region string `yaml:"region,omitempty"`
	// PEM file of the authorities that sign the server's certificate, instead of the system's.
	CAFile string `yaml:"ca_file,omitempty"`
	// Whether to speak HTTPS. Switch it off only for a server on a network of your own.
	TLS bool `yaml:"tls" jsonschema:"default=true"`
	// How the bucket is named in requests: in the path, or in the host's name (virtual_host).
	Addressing string `yaml:"addressing" jsonschema:"enum=auto,enum=path,enum=virtual_host,default=auto"`
	// Access key. Without any, the environment's or the machine's own credentials are used.
	AccessKeyID Secret `yaml:"access_key_id,omitempty"`
	// File that holds the access key.
	AccessKeyIDFile string `yaml:"access_key_id_file,omitempty"`
	// Secret of the access key.
	SecretAccessKey Secret `yaml:"secret_access_key,omitempty"`
	// File that holds the secret of the access key.
	SecretAccessKeyFile string `yaml:"secret_access_key_file,omitempty"`
	// Token that belongs to temporary credentials.
	SessionToken Secret `yaml:"session_token,omitempty"`
	// File that holds the session token.
	SessionTokenFile string `yaml:"session_token_file,omitempty"`
	// A request fails, and is tried again, when no byte moved for so long.
	StallTimeout Duration `yaml:"stall_timeout" jsonschema:"default=60s"`
	// How often to try a request that makes no progress.
	MaxAttempts int `yaml:"max_attempts" jsonschema:"minimum=1,maximum=100,default=8"`
}

// Report defines one report (REPORT.md, "Membership").
type Report struct {
	// The report's folder, and its name in warehouses: lower-case letters, digits and underscores.
	Name string `yaml:"name" jsonschema:"minLength=1,maxLength=64,pattern=^[a-z][a-z0-9_]*$,default=sessions"`
	// IANA time zone in which the report's days begin and end, such as Europe/Amsterdam.
	Timezone string `yaml:"timezone" jsonschema:"minLength=1,default=UTC"`
	// Language of the CSV files. Parquet always holds the English values.
	Language string `yaml:"language" jsonschema:"enum=en,enum=nl,default=en"`
	// The part of the organisation that the report is about. Without any selector: the whole organisation.
	Unit Unit `yaml:"unit,omitempty"`
	// Headings for the columns whose meaning the organisation decides.
	Labels Labels `yaml:"labels,omitempty"`
	// Only sessions that start in these hours of the day.
	DailyHours *DailyHours `yaml:"daily_hours,omitempty"`
	// Also write the rows themselves as CSV.
	SessionsCSV bool `yaml:"sessions_csv" jsonschema:"default=false"`
	// How CSV files are written.
	CSV CSV `yaml:"csv"`
	// When daybook serve publishes the report. It decides no rows.
	Schedule Schedule `yaml:"schedule"`
}

// Schedule says when a report's days and months are published, by the clock of
// its time zone.
type Schedule struct {
	// When a day is published, counted from its end.
	Daily DailyDrop `yaml:"daily"`
	// When a month is published, counted from its end.
	Monthly MonthlyDrop `yaml:"monthly"`
	// What is published of what fell due while no daybook serve ran: all of it, only the latest day and the latest month, or none. The rest is left to daybook backfill.
	CatchUp string `yaml:"catch_up" jsonschema:"enum=all,enum=latest,enum=none,default=all"`
	// How long ago a day or month may have fallen due to be caught up, such as 35d or 36h.
	MaxAge Retention `yaml:"max_age" jsonschema:"default=35d"`
}

// DailyDrop is when a day is published.
type DailyDrop struct {
	// The time on the next day at which the day drops, as HH:MM by the clock.
	At TimeOfDay `yaml:"at" jsonschema:"default=02:00"`
	// How long after the drop the first publication waits for stragglers, such as 30m.
	Grace Span `yaml:"grace" jsonschema:"default=0s"`
	// How long after the drop a day that is not published is late, such as 4h.
	Deadline Span `yaml:"deadline" jsonschema:"default=4h"`
}

// MonthlyDrop is when a month is published.
type MonthlyDrop struct {
	// The time on the first day of the next month at which the month drops, as HH:MM by the clock.
	At TimeOfDay `yaml:"at" jsonschema:"default=04:00"`
	// How long after the drop the first publication waits for stragglers, such as 30m.
	Grace Span `yaml:"grace" jsonschema:"default=0s"`
	// How long after the drop a month that is not published is late, such as 12h.
	Deadline Span `yaml:"deadline" jsonschema:"default=12h"`
}

// Serve says how daybook serve works.
type Serve struct {
	// Host and port of the console and the metrics. Without a host: every address of the machine.
	Listen string `yaml:"listen" jsonschema:"minLength=1,default=127.0.0.1:8080"`
	// The names under which browsers reach the console, where it is not this machine's own: a proxy's, for one. Any other name is refused. Without any: all names but this machine's own are, if it listens on this machine only, and none otherwise.
	Hosts []string `yaml:"hosts,omitempty" jsonschema:"minLength=1"`
	// How often to look at the dumps and at what is published.
	Interval Duration `yaml:"interval" jsonschema:"default=1m"`
	// How long a replica may be silent before another one takes its work over. That happens within two such times.
	Lease Duration `yaml:"lease" jsonschema:"default=1m"`
	// How long a stop waits for what is running.
	StopTimeout Duration `yaml:"stop_timeout" jsonschema:"default=5m"`
	// How often to try a partition that fails. Then it is set aside, until people retry it or its inputs change.
	Attempts int `yaml:"attempts" jsonschema:"minimum=1,maximum=100,default=5"`
	// How long to wait before the second attempt. Each further pause is twice as long.
	RetryPause Duration `yaml:"retry_pause" jsonschema:"default=1m"`
	// The longest pause between two attempts.
	MaxRetryPause Duration `yaml:"max_retry_pause" jsonschema:"default=6h"`
	// Who is told what people should know.
	Webhooks []Webhook `yaml:"webhooks,omitempty"`
}

// Webhook is a URL that is told what people should know.
type Webhook struct {
	// An http or https URL. It may hold a token, so no more than its host is ever shown.
	URL Secret `yaml:"url,omitempty"`
	// File that holds the URL.
	URLFile string `yaml:"url_file,omitempty"`
	// Key of the signature that each delivery carries. Without any, deliveries are not signed.
	Secret Secret `yaml:"secret,omitempty"`
	// File that holds the key of the signature.
	SecretFile string `yaml:"secret_file,omitempty"`
	// What is sent: an event as JSON, or a text as Slack and its like take it.
	Format string `yaml:"format" jsonschema:"enum=json,enum=slack,default=json"`
	// The events to tell of. Without any: all.
	Events []string `yaml:"events,omitempty" jsonschema:"minItems=1,enum=late,enum=failed,enum=restated,enum=recovered"`
}

// Unit is a part of the organisation: a row belongs to it if any of the
// selectors matches.
type Unit struct {
	// Technician ids.
	Technicians []int64 `yaml:"technicians,omitempty" jsonschema:"minimum=1"`
	// Technician groups, each with the groups below it: A stands for A/B, too.
	Groups []string `yaml:"groups,omitempty" jsonschema:"minLength=1"`
	// Channel ids.
	Channels []int64 `yaml:"channels,omitempty" jsonschema:"minimum=1"`
}

// Labels are column headings in CSV files. An empty one is the default of
// REPORT.md.
type Labels struct {
	// Heading of the session's name.
	Name string `yaml:"name,omitempty"`
	// Headings of the custom fields, from the first one on.
	CustomFields []string `yaml:"custom_fields,omitempty" jsonschema:"maxItems=5"`
}

// DailyHours are half open, and cross midnight if from is after to.
type DailyHours struct {
	// The first moment that counts, as HH:MM by the clock.
	From TimeOfDay `yaml:"from" jsonschema:"required"`
	// The first moment that does not count any more, as HH:MM by the clock, or 24:00.
	To TimeOfDay `yaml:"to" jsonschema:"required"`
}

// CSV says how CSV files are written.
type CSV struct {
	// What separates the cells: a comma, a semicolon, a vertical bar, or a tab ("\t").
	Delimiter Delimiter `yaml:"delimiter" jsonschema:"default=\\,"`
	// Whether to begin with a byte order mark, by which some spreadsheets know UTF-8.
	BOM bool `yaml:"bom" jsonschema:"default=false"`
}
