package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ProbeVersions tries on an existing object whether s reads only the version
// that a caller asks for: Open must succeed with the ETag of object and fail
// with ErrChanged for another one, for the whole object and for a part of it.
// It reads at most one byte of each answer.
func ProbeVersions(ctx context.Context, s Store, object Object) error {
	other := strings.Repeat("0", 32)
	if object.ETag == other {
		other = strings.Repeat("1", 32)
	}
	for _, length := range []int64{ToEnd, 1} {
		if err := probeOpen(ctx, s, object.Key, length, object.ETag); err != nil {
			return err
		}
		switch err := probeOpen(ctx, s, object.Key, length, other); {
		case err == nil:
			return fmt.Errorf("open %s: it was read although its ETag is %s and not %s (If-Match)", s.URL(object.Key), object.ETag, other)
		case !errors.Is(err, ErrChanged):
			return err
		}
	}
	return nil
}

func probeOpen(ctx context.Context, s Store, key string, length int64, etag string) error {
	body, _, err := s.Open(ctx, key, 0, length, etag)
	if err != nil {
		return err
	}
	_, err = body.Read(make([]byte, 1))
	if err == io.EOF { // an empty object
		err = nil
	}
	return errors.Join(err, body.Close())
}
