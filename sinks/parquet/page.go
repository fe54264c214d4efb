package parquet

import (
	"bytes"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/klauspost/compress/zstd"
	"github.com/xitongsys/parquet-go/layout"
	"github.com/xitongsys/parquet-go/parquet"
)

const (
	// pageLimit is the size of the largest page, a dictionary, in uncompressed
	// bytes.
	pageLimit = dictionaryLimit
	// emptyFrameLimit is larger than an empty zstd frame, in bytes. The
	// dictionary of a column of nulls is one, without size and checksum.
	emptyFrameLimit = 16
)

// bufferSize is the buffer for a page's header, in bytes.
const bufferSize = 512

func inMemory(b []byte) *thrift.TMemoryBuffer {
	return &thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(b)}
}

// pageInfo describes a page.
type pageInfo struct {
	header     int   // bytes of the header
	size       int   // bytes of the page, header included
	values     int64 // rows of a data page; 0 for a dictionary
	entries    int64 // values of a dictionary
	dictionary bool
}

// checkPage validates the page at the start of data before a library reads it.
// Libraries trust page headers: a wrong number can make them allocate without
// limit. Here the page must fit the chunk, have at most left values in the
// column's only encoding, and its compressed data must carry a checksum, which
// zstd verifies.
func checkPage(data []byte, e encoding, dictRead bool, left int64) (p pageInfo, err error) {
	source := inMemory(data)
	buffered := thrift.NewTBufferedTransport(source, bufferSize)
	header, err := layout.ReadPageHeader(buffered)
	if err != nil {
		return p, fmt.Errorf("page header: %w", err)
	}
	rest := data[len(data)-source.Len()-buffered.Reader.Buffered():]

	values, valid := int32(0), false
	switch h := header; h.Type {
	case parquet.PageType_DICTIONARY_PAGE:
		if d := h.DictionaryPageHeader; d != nil {
			values = d.NumValues
			valid = e == dictionary && !dictRead
			p.dictionary, p.entries = true, int64(values)
		}
	case parquet.PageType_DATA_PAGE:
		if d := h.DataPageHeader; d != nil && h.DataPageHeaderV2 == nil {
			values = d.NumValues
			valid = values > 0 && isEncodedAs(d.Encoding, e) && dictRead == (e == dictionary)
			p.values = int64(values)
		}
	}
	if !valid || values < 0 || int64(values) > left {
		return p, fmt.Errorf("a page does not belong to this column, or has %d values where %d are left: %v", values, left, header)
	}

	length := int(header.CompressedPageSize)
	if length < 0 || length > len(rest) {
		return p, fmt.Errorf("a page has %d bytes, and only %d are left in its column", length, len(rest))
	}
	if err := checkFrame(rest[:length], int64(header.UncompressedPageSize)); err != nil {
		return p, err
	}
	p.header = len(data) - len(rest)
	p.size = p.header + length
	return p, nil
}

// checkPages validates all pages of a chunk of values rows.
func checkPages(data []byte, e encoding, values int64) error {
	dictRead := false
	for left := values; left > 0; {
		p, err := checkPage(data, e, dictRead, left)
		if err != nil {
			return err
		}
		data = data[p.size:]
		dictRead = dictRead || p.dictionary
		left -= p.values
	}
	if len(data) > 0 {
		return fmt.Errorf("%d bytes follow the last page", len(data))
	}
	return nil
}

// checkFrame validates the zstd frame of a page of n uncompressed bytes.
func checkFrame(compressed []byte, n int64) error {
	if n == 0 && len(compressed) <= emptyFrameLimit {
		return nil
	}
	var frame zstd.Header
	if err := frame.Decode(compressed); err != nil {
		return fmt.Errorf("zstd frame of a page: %w", err)
	}
	if frame.Skippable || !frame.HasCheckSum || !frame.HasFCS || frame.FrameContentSize > pageLimit || int64(frame.FrameContentSize) != n {
		return fmt.Errorf("the zstd frame of a page of %d bytes says %d bytes, or has no checksum", n, frame.FrameContentSize)
	}
	return nil
}

// isEncodedAs reports whether the encoding in the header of a data page is that
// of its column. Indexes have one name in format version 1.0 and another in 2.
func isEncodedAs(header parquet.Encoding, e encoding) bool {
	switch e {
	case dictionary:
		return header == parquet.Encoding_RLE_DICTIONARY || header == parquet.Encoding_PLAIN_DICTIONARY
	case delta:
		return header == parquet.Encoding_DELTA_BINARY_PACKED
	}
	return header == parquet.Encoding_PLAIN
}
