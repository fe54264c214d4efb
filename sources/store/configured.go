package store

import (
	"time"

	"daybook/config"
)

// Configured are the options of a configured store. The root of a directory is not
// created.
func Configured(c *config.Store) Options {
	return Options{
		S3: S3Options{
			Endpoint: c.Endpoint, Region: c.Region, Plaintext: !c.TLS, CAFile: c.CAFile, Lookup: lookups[c.Addressing],
			AccessKey: c.AccessKeyID.Reveal(), SecretKey: c.SecretAccessKey.Reveal(), SessionToken: c.SessionToken.Reveal(),
		},
		StallTimeout: time.Duration(c.StallTimeout),
		Retry:        RetryPolicy{Attempts: c.MaxAttempts},
	}
}

// lookups are the values of the setting addressing.
var lookups = map[string]Lookup{"auto": LookupAuto, "path": LookupPath, "virtual_host": LookupVirtualHost}
