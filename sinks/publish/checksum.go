package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
)

// A manifest ends in its checksum, the SHA-256 of the manifest without it:
//
//	…,
//	  "checksum": "64 hex digits"
//	}
//
// Manifests of released versions have none.
const (
	manifestEnd   = "\n}\n"
	checksumStart = ",\n  \"checksum\": \""
	checksumEnd   = "\"" + manifestEnd
)

// seal adds the checksum to an encoded manifest.
func seal(body []byte) []byte {
	sum := sha256.Sum256(body)
	sealed := append(bytes.TrimSuffix(body, []byte(manifestEnd)), checksumStart...)
	return append(hex.AppendEncode(sealed, sum[:]), checksumEnd...)
}

// checkSeal compares a manifest with the checksum at its end, if it has one.
func checkSeal(manifest []byte) error {
	start := bytes.LastIndex(manifest, []byte(checksumStart))
	if start < 0 {
		// A checksum that is somewhere else cannot be verified.
		var m struct {
			Checksum *json.RawMessage `json:"checksum"`
		}
		if err := json.Unmarshal(manifest, &m); err != nil || m.Checksum != nil {
			return errChecksum
		}
		return nil
	}
	unsealed := append(bytes.Clone(manifest[:start]), manifestEnd...)
	if !bytes.Equal(seal(unsealed), manifest) {
		return errChecksum
	}
	return nil
}

var errChecksum = errors.New("checksum: it does not match the content, which was changed or damaged")
