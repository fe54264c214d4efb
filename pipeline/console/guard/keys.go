package guard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Keys makes and checks session cookies. The signing key is derived from the
// token: every replica accepts the cookies of the others, and a new token ends
// all sessions.
type Keys struct {
	token   [sha256.Size]byte // its hash, so that comparing does not reveal its length
	signing []byte
	none    bool // there is no token, and no login
}

// NewKeys derives the keys from a token; an empty one permits no login.
func NewKeys(token string) *Keys {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("daybook console session"))
	return &Keys{sha256.Sum256([]byte(token)), mac.Sum(nil), token == ""}
}

// Opens compares a token with the right one in constant time.
func (k *Keys) Opens(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], k.token[:]) == 1 && !k.none
}

// Issue makes the value of a cookie: its expiry, a random text, and their
// signature.
func (k *Keys) Issue(until time.Time) string {
	body := strconv.FormatInt(until.Unix(), 10) + "." + rand.Text()
	return body + "." + k.sign(body)
}

func (k *Keys) sign(body string) string {
	mac := hmac.New(sha256.New, k.signing)
	mac.Write([]byte(body))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Accepts checks the value of a cookie.
func (k *Keys) Accepts(value string, now time.Time) bool {
	i := strings.LastIndexByte(value, '.')
	if i < 0 || k.none || !hmac.Equal([]byte(k.sign(value[:i])), []byte(value[i+1:])) {
		return false
	}
	digits, _, _ := strings.Cut(value, ".")
	until, err := strconv.ParseInt(digits, 10, 64)
	return err == nil && now.Unix() < until
}

// None says that there is no token, and so no login.
func (k *Keys) None() bool { return k.none }
