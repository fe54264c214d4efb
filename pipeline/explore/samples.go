package explore

// sample is a duration with its place.
type sample struct {
	value    int64 // milliseconds, not negative
	bin, key int32
}

// sortSamples sorts samples by value: by its digits, from the lowest one. Most
// durations have two digits, and a comparing sort takes ten times as long. Equal values
// keep their order. The result is in s, or in spare, which is as long.
func sortSamples(s, spare []sample) []sample {
	const bits, size = 11, 1 << 11
	var most uint64
	for i := range s {
		most = max(most, uint64(s[i].value))
	}
	from, to := s, spare
	var counts [size]int
	for shift := 0; most>>shift != 0; shift += bits {
		clear(counts[:])
		for i := range from {
			counts[uint64(from[i].value)>>shift&(size-1)]++
		}
		at := 0
		for i, n := range counts {
			counts[i], at = at, at+n
		}
		for i := range from {
			digit := uint64(from[i].value) >> shift & (size - 1)
			to[counts[digit]] = from[i]
			counts[digit]++
		}
		from, to = to, from
	}
	return from
}

// fill fills in the distributions of the total, the bins and the keys from sorted
// samples. of begins with the total and the bins.
func fill(of []*Distribution, bins int, sorted []sample) {
	for _, s := range sorted {
		for _, slot := range [...]int{0, 1 + int(s.bin), 1 + bins + int(s.key)} {
			of[slot].N++
			of[slot].Sum += s.value
			of[slot].Longest = s.value
		}
	}
	// The ranks that are still to come: of the median, the 90th and the 95th percentile.
	type ranks struct{ seen, p50, p90, p95 int64 }
	at := make([]ranks, len(of))
	for i, d := range of {
		at[i] = ranks{0, rank(d.N, 50), rank(d.N, 90), rank(d.N, 95)}
	}
	for _, s := range sorted {
		for _, slot := range [...]int{0, 1 + int(s.bin), 1 + bins + int(s.key)} {
			r := &at[slot]
			r.seen++
			if r.seen == r.p50 {
				of[slot].Median = s.value
			}
			if r.seen == r.p90 {
				of[slot].P90 = s.value
			}
			if r.seen == r.p95 {
				of[slot].P95 = s.value
			}
		}
	}
}

// rank is the nearest rank, ceil(p/100 n), from 1.
func rank(n, p int64) int64 { return (n*p + 99) / 100 }
