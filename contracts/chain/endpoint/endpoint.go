// Package endpoint connects to a chain's node by a URL that may hold a secret, a password or an API key, and keeps that out of what
// is written down: errors and logs name the host alone.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// Dial connects to the JSON-RPC at a ws:// or http:// URL, or at the socket that a path names.
func Dial(ctx context.Context, address string) (*ethclient.Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the URL of the chain's node is none: ws://HOST:PORT or http://HOST:PORT is wanted")
	}
	var options []rpc.ClientOption
	if u.Scheme == "http" || u.Scheme == "https" {
		// Every error of package http names the URL that was asked for: it is asked for the host, and sent to the URL.
		options = append(options, rpc.WithHTTPClient(&http.Client{Transport: whole{*u}}))
		address = u.Scheme + "://" + u.Host
	}
	client, err := rpc.DialOptions(ctx, address, options...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", Name(address), err)
	}
	return ethclient.NewClient(client), nil
}

// Name is what may be said of a node's URL: scheme and host, and an ellipsis where something is left out.
func Name(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "(no URL)"
	case u.Host == "":
		return address // of a socket
	}
	name := u.Scheme + "://" + u.Host
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil {
		name += "/…"
	}
	return name
}

// whole sends requests for a host to a URL on it.
type whole struct{ url url.URL }

// RoundTrip implements http.RoundTripper.
func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == w.url.Host && (r.URL.Path == "" || r.URL.Path == "/") { // not where a redirect leads
		r = r.Clone(r.Context())
		to := w.url
		if user := to.User; user != nil {
			password, _ := user.Password()
			r.SetBasicAuth(user.Username(), password)
			to.User = nil
		}
		r.URL = &to
	}
	return http.DefaultTransport.RoundTrip(r)
}
