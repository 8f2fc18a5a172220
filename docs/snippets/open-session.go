package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	body := strings.NewReader(`{"refId": "user-42", "user": {"firstName": "Amina", "nationality": "MA"}}`)
	request, err := http.NewRequest("POST", os.Getenv("VERIFICATION_URL")+"/v2/sessions", body)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("x-api-key", os.Getenv("VERIFICATION_API_KEY"))
	request.Header.Set("content-type", "application/json")
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()

	var answer struct{ Token, Code, Detail, RequestID string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	if response.StatusCode >= 400 {
		log.Fatalf("%s: %s (request %s)", answer.Code, answer.Detail, answer.RequestID)
	}
	fmt.Println(answer.Token) // for your frontend
}
