package split

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"

	"github.com/klauspost/compress/zstd"

	"daybook/pipeline/spillfile"
	"daybook/sources/dump"
)

// encoders are for reuse: one takes megabytes, more than many an object.
var encoders = sync.Pool{New: func() any {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err) // only wrong options cause an error
	}
	return e
}}

// object is an object in the making: lines, or with source.form array one JSON
// array, in zstd.
type object struct {
	file  *spillfile.File
	zstd  *zstd.Encoder
	of    hash.Hash // of the text: other versions of zstd may write other bytes
	array bool
	text  int64 // bytes so far
}

func newObject(form dump.Form) (*object, error) {
	file, err := spillfile.NewScratch()
	if err != nil {
		return nil, err
	}
	encoder := encoders.Get().(*zstd.Encoder)
	encoder.Reset(file)
	return &object{file: file, zstd: encoder, of: sha256.New(), array: form == dump.Array}, nil
}

func (o *object) add(line []byte) error {
	if o.array {
		start := ","
		if o.text == 0 {
			start = "["
		}
		if err := o.write([]byte(start)); err != nil {
			return err
		}
	}
	if err := o.write(line); err != nil {
		return err
	}
	return o.write([]byte{'\n'})
}

func (o *object) write(p []byte) error {
	o.text += int64(len(p))
	o.of.Write(p)
	_, err := o.zstd.Write(p)
	return err
}

// finish ends the text.
func (o *object) finish() error {
	if o.array {
		if err := o.write([]byte("]\n")); err != nil {
			return err
		}
	}
	return o.zstd.Close()
}

// hash is of the whole text, in hex digits: 16 bytes of SHA-256.
func (o *object) hash() string { return hex.EncodeToString(o.of.Sum(nil)[:16]) }

func (o *object) close() error {
	o.zstd.Reset(nil)
	encoders.Put(o.zstd)
	return o.file.Close()
}
