package explore

// sample is a duration with its place.
type sample struct {
	value    int64 // milliseconds, not negative
	bin, key int32
}

// sortSamples sorts samples by value: by its digits, from the lowest one. Most
// durations have two digits, and a comparing sort takes ten times as long.
func sortSamples(s []sample) {
	const bits, size = 11, 1 << 11
	var most uint64
	for i := range s {
		most = max(most, uint64(s[i].value))
	}
	if len(s) < 2 {
		return
	}
	from, to := s, make([]sample, len(s))
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
	if &from[0] != &s[0] {
		copy(s, from)
	}
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
	seen := make([]int64, len(of))
	for _, s := range sorted {
		for _, slot := range [...]int{0, 1 + int(s.bin), 1 + bins + int(s.key)} {
			d := of[slot]
			seen[slot]++
			if seen[slot] == rank(d.N, 50) {
				d.Median = s.value
			}
			if seen[slot] == rank(d.N, 90) {
				d.P90 = s.value
			}
			if seen[slot] == rank(d.N, 95) {
				d.P95 = s.value
			}
		}
	}
}

// rank is the nearest rank, ceil(p/100 n), from 1.
func rank(n, p int64) int64 { return (n*p + 99) / 100 }
