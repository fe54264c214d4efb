package parquet

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	format "github.com/xitongsys/parquet-go/parquet"

	"daybook/transform/report"
)

// Profile chooses the encodings of a file. The same rows and the same profile
// give the same bytes.
type Profile uint8

// The profiles, by their names in the configuration.
const (
	// Compatible is format version 1.0: plain values and dictionaries, which
	// every reader knows. With zstd its files are some 7 % larger than those of
	// Compact.
	Compatible Profile = iota
	// Compact is format version 2: times, durations and ids are differences
	// (DELTA_BINARY_PACKED). It is what released versions wrote before there were profiles.
	Compact
)

var profileNames = []string{Compatible: "compatible", Compact: "compact"}

func (p Profile) String() string { return profileNames[p] }

// ParseProfile reads the name of a profile.
func ParseProfile(name string) (Profile, error) {
	if i := slices.Index(profileNames, name); i >= 0 {
		return Profile(i), nil
	}
	return 0, fmt.Errorf("%q is no profile of Parquet files; expected one of %q", name, profileNames)
}

// encoding is the Parquet encoding of a column.
type encoding uint8

const (
	plain      encoding = iota // values as they are, compressed by zstd
	dictionary                 // each distinct value once, then indexes
	delta                      // packed differences; INT64 only, because Arrow v17 encodes INT32 wrongly
)

// encodingOf is the encoding of a column. All its data pages have it: see
// dictionaryLimit.
func (p Profile) encodingOf(c *report.Column) encoding {
	switch c.Name {
	case "customer_messages", "technician_messages", "system_messages", "leg":
		return dictionary // small counts
	case "technician_id", "channel_id":
		if p == Compatible {
			return dictionary // few distinct values
		}
	case "name", "custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5",
		"tracking_id", "customer_ip", "customer_address", "device_id":
		return plain // almost unique: a dictionary would only add bytes
	}
	switch c.Kind {
	case report.Timestamp, report.Duration, report.Integer:
		if p == Compact {
			return delta
		}
	case report.String, report.Date:
		return dictionary
	}
	return plain
}

// repeats reports whether the values of a text column are in a dictionary, in
// every profile.
func repeats(c *report.Column) bool { return Compatible.encodingOf(c) == dictionary }

// chunkEncoding is the encoding of a column chunk, as the footer tells it. It
// must be the column's in one of the profiles.
func chunkEncoding(c *report.Column, m *format.ColumnMetaData) (encoding, error) {
	found := plain
	switch {
	case m.DictionaryPageOffset != nil:
		found = dictionary
	case slices.Contains(m.Encodings, format.Encoding_DELTA_BINARY_PACKED):
		found = delta
	}
	if found != Compatible.encodingOf(c) && found != Compact.encodingOf(c) {
		return 0, fmt.Errorf("its encodings are %v, which no profile has", m.Encodings)
	}
	return found, nil
}

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

// version is the format version in the footer. Version 1.0 calls the encoding of
// indexes PLAIN_DICTIONARY.
func (p Profile) version() parquet.Version {
	if p == Compact {
		return parquet.V2_LATEST
	}
	return parquet.V1_0
}

// properties configures the library. Every reader supports data pages of
// version 1, and their levels are in the compressed part, which has a checksum.
func (p Profile) properties() *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithVersion(p.version()),
		parquet.WithStats(true),
		parquet.WithMaxStatsSize(statisticsLimit),
		parquet.WithMaxRowGroupLength(RowGroupRows),
		parquet.WithDataPageSize(pageLimit), // pageEnd decides where pages end
		parquet.WithDictionaryDefault(false),
		parquet.WithDictionaryPageSizeLimit(dictionaryLimit),
	}
	for i := range report.Columns {
		c := &report.Columns[i]
		switch p.encodingOf(c) {
		case dictionary:
			options = append(options, parquet.WithDictionaryFor(c.Name, true))
		case delta:
			options = append(options, parquet.WithEncodingFor(c.Name, parquet.Encodings.DeltaBinaryPacked))
		}
	}
	return parquet.NewWriterProperties(options...)
}
