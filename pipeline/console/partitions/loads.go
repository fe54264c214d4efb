package partitions

import (
	"daybook/pipeline/partition"
	"daybook/pipeline/warehouse"
	"daybook/sinks/publish"
)

// load is how a warehouse loads a partition.
type load struct {
	Warehouse string `json:"warehouse"`
	Statement string `json:"statement"`
}

// loads are the statements of daybook sql for one partition, for the engines that
// read the sink where it is.
func loads(at warehouse.Store, id partition.ID, m *publish.Manifest) []load {
	var loads []load
	r := &warehouse.Request{Report: id.Report, Store: at, Partitions: []warehouse.Partition{warehouse.PartitionOf(id, m)}}
	for i := range warehouse.Engines {
		e := &warehouse.Engines[i]
		if !e.Reads(&at) {
			continue
		}
		if text, err := warehouse.Statements(e, warehouse.Load, r); err == nil {
			loads = append(loads, load{e.Title, text})
		}
	}
	return loads
}
