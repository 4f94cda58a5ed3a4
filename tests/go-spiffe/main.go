// Command judge says what SPIRE's own library makes of trust domains and bundles.
//
// It answers every JSON line {"trustDomain": "…", "bundle": "…"} with a line {"accepted": true} or
// {"accepted": false, "error": "…"}. A bundle of null is not judged.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

type question struct {
	TrustDomain string  `json:"trustDomain"`
	Bundle      *string `json:"bundle"`
}

type answer struct {
	Accepted bool   `json:"accepted"`
	Error    string `json:"error,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	questions := json.NewDecoder(in)
	answers := json.NewEncoder(out)
	for {
		var q question
		switch err := questions.Decode(&q); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		a := answer{Accepted: true}
		if err := judge(q); err != nil {
			a = answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

func judge(q question) error {
	trustDomain, err := spiffeid.TrustDomainFromString(q.TrustDomain)
	if err != nil {
		return err
	}
	// The library takes a whole SPIFFE ID, too, and returns the trust domain in it.
	if trustDomain.Name() != q.TrustDomain {
		return fmt.Errorf("%q is taken for %q", q.TrustDomain, trustDomain.Name())
	}
	if q.Bundle == nil {
		return nil
	}
	_, err = spiffebundle.Parse(trustDomain, []byte(*q.Bundle))
	return err
}
