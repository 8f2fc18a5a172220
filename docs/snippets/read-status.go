package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"
)

func main() {
	refID := "user-42"
	request, err := http.NewRequest("GET", os.Getenv("VERIFICATION_URL")+"/v2/users/"+url.PathEscape(refID), nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("x-api-key", os.Getenv("VERIFICATION_API_KEY"))
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()

	var answer struct {
		// A problem's status is a number, a user's a word.
		Status                  any
		Code, Detail, RequestID string
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	if response.StatusCode >= 400 {
		log.Fatalf("%s: %s (request %s)", answer.Code, answer.Detail, answer.RequestID)
	}
	fmt.Println(answer.Status)
}
