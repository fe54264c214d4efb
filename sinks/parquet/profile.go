package parquet

import (
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"

	"daybook/transform/report"
)

// encoding is the Parquet encoding of a column.
type encoding uint8

const (
	plain      encoding = iota // values as they are, compressed by zstd
	dictionary                 // each distinct value once, then indexes
	delta                      // packed differences; INT64 only, because Arrow v17 encodes INT32 wrongly
)

// encodingOf is the encoding of a column. All its data pages have it: see
// dictionaryLimit.
func encodingOf(c *report.Column) encoding {
	switch c.Name {
	case "customer_messages", "technician_messages", "system_messages", "leg":
		return dictionary // small counts
	case "name", "custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5",
		"tracking_id", "customer_ip", "device_id":
		return plain // almost unique: a dictionary would only add bytes
	}
	switch c.Kind {
	case report.Timestamp, report.Duration, report.Integer:
		return delta
	case report.String, report.Date:
		return dictionary
	}
	return plain
}

// repeats reports whether the values of a column are in a dictionary.
func repeats(c *report.Column) bool { return encodingOf(c) == dictionary }

const (
	// pageSize is the size of a page of texts, in bytes. Readers decode a page
	// at a time. Other values have a limited size, so their pages hold a whole
	// row group.
	pageSize = 1 << 20
	// pageStep: the number of rows of a page is a multiple of it.
	pageStep = 1 << 10
	// dictionaryLimit is the size of a dictionary, in bytes, above which the
	// library changes to another encoding in the middle of a row group. It is as
	// large as a page can be, so that a column keeps one encoding: the length of
	// some texts is not limited.
	dictionaryLimit = 1 << 30
	// statisticsLimit is the longest text in statistics, in bytes. Every text
	// with a limited length is shorter.
	statisticsLimit = 4096
)

// properties configures the library. Every reader supports data pages of
// version 1, and their levels are in the compressed part, which has a checksum.
func properties() *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithStats(true),
		parquet.WithMaxStatsSize(statisticsLimit),
		parquet.WithMaxRowGroupLength(RowGroupRows),
		parquet.WithDataPageSize(pageLimit), // pageEnd decides where pages end
		parquet.WithDictionaryDefault(false),
		parquet.WithDictionaryPageSizeLimit(dictionaryLimit),
	}
	for i := range report.Columns {
		c := &report.Columns[i]
		switch encodingOf(c) {
		case dictionary:
			options = append(options, parquet.WithDictionaryFor(c.Name, true))
		case delta:
			options = append(options, parquet.WithEncodingFor(c.Name, parquet.Encodings.DeltaBinaryPacked))
		}
	}
	return parquet.NewWriterProperties(options...)
}
