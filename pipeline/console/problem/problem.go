// Package problem has the errors of the console that readers see: an HTTP status and
// a text for people. The console logs all other errors and shows a general text,
// because stores name their addresses in them.
package problem

import (
	"fmt"
	"net/http"
)

// Error is an error with a status and a text for people.
type Error struct {
	Status int
	Text   string
	Err    error // for the log; may be nil
}

func (e *Error) Error() string { return e.Text }

func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a status and a text.
func New(status int, text string) error { return &Error{Status: status, Text: text} }

// NotFound says that something does not exist.
func NotFound(format string, args ...any) error {
	return New(http.StatusNotFound, fmt.Sprintf(format, args...))
}

// BadRequest says what is wrong with a request.
func BadRequest(text string) error { return New(http.StatusBadRequest, text) }

// Forbidden says why a request is not allowed.
func Forbidden(text string) error { return New(http.StatusForbidden, text) }
