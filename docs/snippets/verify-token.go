package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

type keySet struct{ Keys []struct{ Kid, X string } }

type claims struct {
	Iss, Aud, Sub, Sid string
	Exp                int64
}

// With the standard library alone. golang-jwt/jwt from 3.2.2 does the same.
func verify(token string, keys keySet, issuer, audience string) (claims, error) {
	var header struct{ Alg, Typ, Kid string }
	var found claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return found, errors.New("no token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return found, err
	}
	if err := decode(parts[0], &header); err != nil {
		return found, err
	}
	if err := decode(parts[1], &found); err != nil {
		return found, err
	}
	for _, key := range keys.Keys {
		public, err := base64.RawURLEncoding.DecodeString(key.X)
		if key.Kid != header.Kid || err != nil || len(public) != ed25519.PublicKeySize {
			continue
		}
		signed := []byte(parts[0] + "." + parts[1])
		if header.Alg != "EdDSA" || header.Typ != "JWT" || !ed25519.Verify(public, signed, signature) {
			break
		}
		if found.Iss != issuer || found.Aud != audience || found.Exp <= time.Now().Unix() {
			return found, errors.New("not for us, or expired")
		}
		return found, nil
	}
	return found, errors.New("not signed by the API")
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func main() {
	// Keep the keys for up to five minutes, and fetch them again when a token names a new one.
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(os.Getenv("VERIFICATION_URL") + "/.well-known/jwks.json")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var keys keySet
	if err := json.NewDecoder(response.Body).Decode(&keys); err != nil {
		log.Fatal(err)
	}

	// verification:production, once you go live
	found, err := verify(os.Getenv("TOKEN"), keys, os.Getenv("VERIFICATION_ISSUER"), "verification:sandbox")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Sub, found.Sid) // the user's id and the session's
}
