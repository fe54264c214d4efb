package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
)

// The numbers of the Arrow columnar format: Message.fbs and Schema.fbs.
const (
	schemaMessage = 1
	batchMessage  = 3

	messageHeaderType, messageHeader, messageBodyLength  = 1, 2, 3
	schemaFields                                         = 1
	fieldName, fieldTypeKind, fieldType, fieldDictionary = 0, 2, 3, 4
	intWidth, intSigned                                  = 0, 1
	batchLength, batchNodes, batchBuffers, batchCodec    = 0, 1, 2, 3

	intType, binaryType = 2, 4
)

// maxBatchRows is the most rows of a batch that a Reader takes.
const maxBatchRows = 1 << 20

// message is a message of the stream: its description, a flatbuffer, and its body.
type message struct {
	flat
	kind   uint8
	header int // the table
	body   []byte
}

// checkSchema refuses a message that is not the schema of rows.
func (m *message) checkSchema() error {
	if m.kind != schemaMessage {
		return fmt.Errorf("its first message has type %d, and a schema has %d", m.kind, schemaMessage)
	}
	first, n := m.vector(m.header, schemaFields)
	if n != Schema.NumFields() {
		return fmt.Errorf("it has %d columns, and rows have %d", n, Schema.NumFields())
	}
	for i, want := range Schema.Fields() {
		field := m.follow(first + 4*i)
		kind := m.number(field, fieldTypeKind, 1)
		of := m.table(field, fieldType)
		same := m.text(field, fieldName) == want.Name && m.field(field, fieldDictionary) == 0
		if width, isNumber := want.Type.(arrow.FixedWidthDataType); isNumber {
			same = same && kind == intType && m.number(of, intWidth, 4) == int64(width.BitWidth()) && m.number(of, intSigned, 1) == 1
		} else {
			same = same && kind == binaryType
		}
		if !same || *m.bad {
			return fmt.Errorf("column %d is not %s %s", i, want.Name, want.Type)
		}
	}
	return nil
}

// columns are the columns of a batch, as they lie in the body of its message.
type columns struct {
	rows    int
	numbers [colPayload][]byte
	ends    []byte // int32: where each payload begins, and the last one ends
	payload []byte
}

// columns finds the columns of a batch. Each column has a buffer that says which values
// are null, and then its values; binary ones have their ends first.
func (m *message) columns() (*columns, error) {
	if m.kind != batchMessage {
		return nil, fmt.Errorf("a message has type %d, and a batch of rows has %d", m.kind, batchMessage)
	}
	rows := m.number(m.header, batchLength, 8)
	nodes, numNodes := m.vector(m.header, batchNodes)
	buffers, numBuffers := m.vector(m.header, batchBuffers)
	fields := Schema.NumFields()
	if rows < 0 || rows > maxBatchRows || numNodes != fields || numBuffers != 2*fields+1 || m.field(m.header, batchCodec) != 0 {
		return nil, fmt.Errorf("a batch has %d rows in %d columns of %d buffers, or is compressed", rows, numNodes, numBuffers)
	}
	for i := range fields {
		if m.int64(nodes+16*i) != rows || m.int64(nodes+16*i+8) != 0 {
			return nil, fmt.Errorf("column %s has another length, or nulls", Schema.Field(i).Name)
		}
	}
	buffer := func(i int, least int64) []byte {
		offset, size := m.int64(buffers+16*i), m.int64(buffers+16*i+8)
		if offset < 0 || size < least || size > int64(len(m.body)) || offset > int64(len(m.body))-size {
			*m.bad = true
			return nil
		}
		return m.body[offset : offset+size]
	}
	c := &columns{rows: int(rows)}
	for i := range c.numbers {
		c.numbers[i] = buffer(2*i+1, rows*int64(Schema.Field(i).Type.(arrow.FixedWidthDataType).Bytes()))
	}
	if rows > 0 {
		c.ends, c.payload = buffer(2*colPayload+1, 4*(rows+1)), buffer(2*colPayload+2, 0)
	}
	if *m.bad {
		return nil, fmt.Errorf("the buffers of a batch of %d rows exceed its %d bytes", rows, len(m.body))
	}
	return c, nil
}

// row is row i.
func (c *columns) row(i int) (Row, error) {
	int32At := func(b []byte, i int) int32 { return int32(binary.LittleEndian.Uint32(b[4*i:])) }
	int64At := func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b[8*i:])) }
	begin, end := int32At(c.ends, i), int32At(c.ends, i+1)
	if begin < 0 || end < begin || int64(end) > min(int64(len(c.payload)), math.MaxInt32) {
		return Row{}, fmt.Errorf("a payload is from %d to %d of %d bytes", begin, end, len(c.payload))
	}
	return Row{
		PID: int32At(c.numbers[colPID], i), Kind: Kind(int32At(c.numbers[colKind], i)), Day: int32At(c.numbers[colDay], i),
		Seq: int64At(c.numbers[colSeq]), N: int64At(c.numbers[colN]), Payload: c.payload[begin:end],
	}, nil
}
