package words

import (
	"fmt"
	"path"
	"strings"
)

// Names lists the last segments of some keys; of many keys it lists a few, and
// counts the rest.
func Names(keys []string) string {
	const most = 3
	names := make([]string, 0, most)
	for _, key := range keys[:min(len(keys), most)] {
		names = append(names, path.Base(key))
	}
	text := strings.Join(names, ", ")
	if more := len(keys) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
