package publish

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// hashDigits is the number of hex digits of a part's SHA-256 in its name. 64
// bits are enough to tell the contents of one partition apart.
const hashDigits = 16

// partName matches the names of parts: stem, revision, hash, extension.
var partName = regexp.MustCompile(`^(.+)-r([1-9][0-9]{0,8})-([0-9a-f]{16})(\.[0-9A-Za-z.]+)?$`)

// PartKey is the key of a file as a part of a revision of the partition in dir. It fails
// if PartRevision could not read the key back.
func PartKey(partition string, f *File, revision int) (string, error) {
	if !isSHA256(f.Part.SHA256) {
		return "", fmt.Errorf("the file %s has the SHA-256 %q; it needs 64 lower-case hex digits", f.Name, f.Part.SHA256)
	}
	dir := f.Dir
	if dir == "" {
		dir = partition
	}
	key := fmt.Sprintf("%s%s-r%d-%s%s", dir, f.Name, revision, f.Part.SHA256[:hashDigits], f.Ext)
	if n, ok := PartRevision(key); !ok || n != revision || dirOf(key) != dir {
		return "", fmt.Errorf("%q is not a valid key of a part; check the file's name, directory and extension", key)
	}
	return key, nil
}

// Stored is the file of a part that is stored under its key already.
func Stored(part Part) File {
	f := File{Dir: dirOf(part.Key), Part: part}
	if fields := partName.FindStringSubmatch(path.Base(part.Key)); fields != nil {
		f.Name, f.Ext = fields[1], fields[4]
	}
	return f
}

// PartRevision is the revision in a part's key; ok is false for other keys.
func PartRevision(key string) (revision int, ok bool) {
	fields := partName.FindStringSubmatch(path.Base(key))
	if fields == nil {
		return 0, false
	}
	revision, err := strconv.Atoi(fields[2])
	return revision, err == nil
}

// unrevised is a part's key without revision and hash: equal for the same file
// of all revisions.
func unrevised(key string) string {
	dir, name := path.Split(key)
	if fields := partName.FindStringSubmatch(name); fields != nil {
		name = fields[1] + fields[4]
	}
	return dir + name
}

// dirOf is the directory of a key, ending in a slash.
func dirOf(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }

// PartsSize is the size of all parts, in bytes.
func (m *Manifest) PartsSize() (n int64) {
	for _, part := range m.Parts {
		n += part.Bytes
	}
	return n
}
