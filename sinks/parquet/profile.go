package parquet

import (
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"

	"daybook/transform/report"
)

// encoding is how the values of a column are laid out in its pages.
type encoding uint8

const (
	plain      encoding = iota // as they are, left to zstd
	dictionary                 // each distinct value once, then indexes
	delta                      // packed differences; INT64 only (Arrow v17's are wrong for INT32)
)

// encodingOf decides the encoding of a column. It is the only one that the
// column's pages have: see dictionaryLimit.
func encodingOf(c *report.Column) encoding {
	switch c.Name {
	case "customer_messages", "technician_messages", "system_messages", "leg":
		return dictionary // small counts
	case "name", "custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5",
		"tracking_id", "customer_ip", "customer_address", "device_id":
		return plain // as good as unique: a dictionary would only be in the way
	}
	switch c.Kind {
	case report.Timestamp, report.Duration, report.Integer:
		return delta
	case report.String, report.Date:
		return dictionary
	}
	return plain
}

// repeats says that the values of a column are in a dictionary.
func repeats(c *report.Column) bool { return encodingOf(c) == dictionary }

const (
	// pageSize is the size at which a page of texts ends, in bytes: what readers
	// take apart at a time. Pages of other values hold a row group, for their
	// size has a limit.
	pageSize = 1 << 20
	// pageStep is the number of rows that pages are a multiple of.
	pageStep = 1 << 10
	// dictionaryLimit is the size at which the writer would give up a
	// dictionary in the middle of a row group, leave a useless one behind, and
	// go on in another encoding. It is as large as a page can well be, so that
	// a column has one encoding throughout: some texts have no longest length.
	dictionaryLimit = 1 << 30
	// statisticsLimit is the longest text, in bytes, that goes into statistics.
	// All that have a longest length are shorter.
	statisticsLimit = 4096
)

// properties are the writer's. Version 1 data pages are what every reader
// takes; besides, their levels lie inside the compressed, checksummed part.
func properties() *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithStats(true),
		parquet.WithMaxStatsSize(statisticsLimit),
		parquet.WithMaxRowGroupLength(RowGroupRows),
		parquet.WithDataPageSize(pageLimit), // rowGroup decides where pages end
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
