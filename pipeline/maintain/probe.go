package maintain

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"daybook/sources/store"
)

// probePrefix is what the keys that a probe writes begin with. Warehouses skip keys
// with an underscore. The keys have no folder: it would stay behind in a directory.
const probePrefix = "_daybook-probe-"

// ErrUnconditional says that a store ignores the conditions of conditional writes:
// two writers could overwrite each other's work.
var ErrUnconditional = errors.New("the store ignores conditional writes")

// ProbeResult says whether one operation of a store works.
type ProbeResult struct {
	Operation string // list, read, write, conditional write, delete
	Err       error  // nil: it works
	Note      string // what was found; may be empty
}

// ProbeSource tries what reading dumps needs: it lists the store, reads the first object,
// if there is one, and tries whether only the version asked for is read.
func ProbeSource(ctx context.Context, st store.Store) []ProbeResult {
	var first *store.Object
	var err error
	for object, listErr := range st.List(ctx, "") {
		if listErr == nil && object.Special != "" {
			continue
		}
		if listErr == nil {
			first = &object
		}
		err = listErr
		break // one is enough: there may be millions
	}
	results := []ProbeResult{{Operation: "list", Err: err}}
	if first == nil {
		return results
	}
	body, _, err := st.Open(ctx, first.Key, 0, store.ToEnd, first.ETag)
	if err == nil {
		_, err = body.Read(make([]byte, 1))
		if err == io.EOF { // an empty object
			err = nil
		}
		err = errors.Join(err, body.Close())
	}
	results = append(results, ProbeResult{Operation: "read", Err: err})
	if err == nil {
		results = append(results, ProbeResult{Operation: "conditional read", Err: store.ProbeVersions(ctx, st, *first)})
	}
	return results
}

// ProbeSink tries what publishing needs: list, read, write, write conditionally and
// delete. It uses scratch keys with this name, which should be random, and removes
// them again. If it cannot write, that is the only result: everything else needs an
// object.
func ProbeSink(ctx context.Context, st store.Store, name string) []ProbeResult {
	p := prober{ctx, st, probePrefix + name + "-"}
	plain, conditional := p.prefix+"plain", p.prefix+"conditional"
	results := []ProbeResult{{Operation: "write", Err: p.put(plain, "one", store.Condition{})}}
	if results[0].Err == nil {
		results = append(results,
			ProbeResult{Operation: "read", Err: p.expect(plain, "one")},
			ProbeResult{Operation: "list", Err: p.listed(plain)},
			ProbeResult{Operation: "conditional write", Err: p.conditions(conditional)},
		)
	}
	// An interrupted probe removes what it has written, too, and so does one whose
	// writes have failed: they may have reached the store.
	p.ctx = context.WithoutCancel(ctx)
	removed := p.remove(plain, conditional)
	if results[0].Err == nil {
		results = append(results, ProbeResult{Operation: "delete", Err: removed})
	}
	return results
}

type prober struct {
	ctx    context.Context
	store  store.Store
	prefix string
}

func (p *prober) put(key, text string, cond store.Condition) error {
	_, err := p.putObject(key, text, cond)
	return err
}

func (p *prober) putObject(key, text string, cond store.Condition) (store.Object, error) {
	return p.store.Put(p.ctx, key, bytes.NewReader([]byte(text)), int64(len(text)), cond)
}

// expect fails if key does not hold text.
func (p *prober) expect(key, text string) error {
	body, _, err := p.store.Open(p.ctx, key, 0, store.ToEnd, "")
	if err != nil {
		return err
	}
	defer body.Close()
	got, err := io.ReadAll(io.LimitReader(body, int64(len(text))+1))
	if err == nil && string(got) != text {
		err = fmt.Errorf("%s holds %q just after %q was written", p.store.URL(key), got, text)
	}
	return err
}

func (p *prober) listed(key string) error {
	found := false
	for object, err := range p.store.List(p.ctx, p.prefix) {
		if err != nil {
			return err
		}
		found = found || object.Key == key
	}
	if !found {
		return fmt.Errorf("%s is not listed just after it was written", p.store.URL(key))
	}
	return nil
}

// conditions tries both kinds of conditional writes, each once where its
// condition holds and once where it does not.
func (p *prober) conditions(key string) error {
	created, err := p.putObject(key, "one", store.Condition{IfAbsent: true})
	if err != nil {
		return err
	}
	if err := p.refused(key, store.Condition{IfAbsent: true}); err != nil {
		return err
	}
	if err := p.put(key, "second", store.Condition{IfMatch: created.ETag}); err != nil {
		return err
	}
	if err := p.refused(key, store.Condition{IfMatch: created.ETag}); err != nil {
		return err
	}
	return p.expect(key, "second")
}

// refused fails if a write is accepted whose condition does not hold.
func (p *prober) refused(key string, cond store.Condition) error {
	err := p.put(key, "must not be written", cond)
	switch {
	case errors.Is(err, store.ErrPrecondition):
		return nil
	case err != nil:
		return err
	case cond.IfAbsent:
		return fmt.Errorf("%w: it replaced %s though that existed (If-None-Match: *)", ErrUnconditional, p.store.URL(key))
	}
	return fmt.Errorf("%w: it replaced %s though that had changed (If-Match)", ErrUnconditional, p.store.URL(key))
}

// remove deletes all keys, and fails if one is still there. Of several errors it
// returns the first: they have the same cause.
func (p *prober) remove(keys ...string) (first error) {
	for _, key := range keys {
		err := p.store.Delete(p.ctx, key)
		if err == nil {
			err = p.gone(key)
		}
		first = cmp.Or(first, err)
	}
	return first
}

func (p *prober) gone(key string) error {
	body, _, err := p.store.Open(p.ctx, key, 0, store.ToEnd, "")
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return errors.Join(fmt.Errorf("%s can be read just after it was deleted", p.store.URL(key)), body.Close())
}
