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
	// pageLimit is the size of the largest page, uncompressed: a dictionary.
	pageLimit = dictionaryLimit
	// emptyFrameLimit is more than the bytes of a zstd frame of nothing, as the
	// dictionary of a column of nulls is; it has no size and no checksum.
	emptyFrameLimit = 16
)

// bufferSize is that of the reads of a page's header.
const bufferSize = 512

func inMemory(b []byte) *thrift.TMemoryBuffer {
	return &thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(b)}
}

// pageInfo is what the header of a page says.
type pageInfo struct {
	header     int   // size of the header, in bytes
	size       int   // with the header, in bytes
	values     int64 // rows of a data page; 0 for a dictionary
	entries    int64 // of a dictionary
	dictionary bool
}

// checkPage looks at the page at the start of data before a reader does.
// Readers believe what they read: a wrong number can cost them any amount of
// memory. Here the header has to fit the chunk, with at most left values in
// the column's only encoding, and what is compressed has a checksum of its
// own, which zstd verifies.
func checkPage(data []byte, e encoding, dictRead bool, left int64) (p pageInfo, err error) {
	source := inMemory(data)
	buffered := thrift.NewTBufferedTransport(source, bufferSize)
	header, err := layout.ReadPageHeader(buffered)
	if err != nil {
		return p, fmt.Errorf("a page's header: %w", err)
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
			valid = values > 0 && d.Encoding == pageEncoding(e) && dictRead == (e == dictionary)
			p.values = int64(values)
		}
	}
	if !valid || values < 0 || int64(values) > left {
		return p, fmt.Errorf("a page is not one of this column, or has %d values where %d are left: %v", values, left, header)
	}

	length := int(header.CompressedPageSize)
	if length < 0 || length > len(rest) {
		return p, fmt.Errorf("a page has %d bytes, and its column %d", length, len(rest))
	}
	if err := checkFrame(rest[:length], int64(header.UncompressedPageSize)); err != nil {
		return p, err
	}
	p.header = len(data) - len(rest)
	p.size = p.header + length
	return p, nil
}

// checkPages looks at all pages of a chunk, which has values rows.
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
		return fmt.Errorf("%d bytes follow its last page", len(data))
	}
	return nil
}

// checkFrame looks at the zstd frame of a page of n bytes.
func checkFrame(compressed []byte, n int64) error {
	if n == 0 && len(compressed) <= emptyFrameLimit {
		return nil
	}
	var frame zstd.Header
	if err := frame.Decode(compressed); err != nil {
		return fmt.Errorf("a page's compression: %w", err)
	}
	if frame.Skippable || !frame.HasCheckSum || !frame.HasFCS || frame.FrameContentSize > pageLimit || int64(frame.FrameContentSize) != n {
		return fmt.Errorf("a page of %d bytes is compressed in a frame of %d, or without a checksum", n, frame.FrameContentSize)
	}
	return nil
}

func pageEncoding(e encoding) parquet.Encoding {
	switch e {
	case dictionary:
		return parquet.Encoding_RLE_DICTIONARY
	case delta:
		return parquet.Encoding_DELTA_BINARY_PACKED
	}
	return parquet.Encoding_PLAIN
}
