// A program that outlives its token, as Terraform providers in Go are: golang.org/x/oauth2 asks for a token when it has
// none or when it has expired, and sends it with each call through the gateway.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	gateway := fmt.Sprintf("%s://%s:%s", os.Getenv("GENESYSCLOUD_GATEWAY_PROTOCOL"),
		os.Getenv("GENESYSCLOUD_GATEWAY_HOST"), os.Getenv("GENESYSCLOUD_GATEWAY_PORT"))
	config := clientcredentials.Config{
		ClientID:     os.Getenv("GENESYSCLOUD_OAUTHCLIENT_ID"),
		ClientSecret: os.Getenv("GENESYSCLOUD_OAUTHCLIENT_SECRET"),
		TokenURL:     gateway + "/oauth/token",
	}
	client := config.Client(context.Background())
	for page := 1; page <= 3; page++ {
		response, err := client.Get(fmt.Sprintf("%s/api/v2/users?pageNumber=%d", gateway, page))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		fmt.Println(page, response.StatusCode)
	}
	// As the provider of CX as Code does for each client of its pool.
	for client := 1; client <= 3; client++ {
		token, err := config.Token(context.Background())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(token.AccessToken)
	}
}
