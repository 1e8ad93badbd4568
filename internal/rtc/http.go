package rtc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// MaxBody bounds the bytes of an offer or a fragment. Browsers' offers are below 10 kB.
const MaxBody = 64 << 10

// Refusal is an error that the person at the other end is told, by an HTTP status and its text.
//
//nolint:errname // it says who gets it
type Refusal struct {
	Status int
	Text   string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Text }

// Refuse makes a refusal.
func Refuse(status int, format string, a ...any) error {
	return &Refusal{status, fmt.Sprintf(format, a...)}
}

// ReadBody reads what a publisher or player sends, within a time: who sends a byte now and then must not stay. The
// connection goes on without the deadline, as its end tells that the other end has gone. What cannot be read is a Refusal.
func ReadBody(w http.ResponseWriter, r *http.Request, within time.Duration) (string, error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", fmt.Errorf("bound the time to read: %w", err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return "", Refuse(http.StatusRequestEntityTooLarge, "what was sent is too large: at most %d bytes are taken", MaxBody)
	}
	if err != nil {
		return "", Refuse(http.StatusRequestTimeout, "what was sent could not be read within %v: %v", within, err)
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return "", fmt.Errorf("unbound the time to read: %w", err)
	}
	return string(body), nil
}
