import com.mypurecloud.sdk.v2.ApiClient;
import com.mypurecloud.sdk.v2.ApiException;
import com.mypurecloud.sdk.v2.api.RoutingApi;
import com.mypurecloud.sdk.v2.api.request.GetRoutingQueuesRequest;
import com.mypurecloud.sdk.v2.model.Queue;
import com.mypurecloud.sdk.v2.model.QueueEntityListing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lists all queues with Genesys Cloud's Java SDK (com.mypurecloud:platform-client-v2), however long that takes:
 * {@code java -cp ... ListQueues}, in a checkout with ci/access-token in it.
 *
 * <p>GENESYS_API is the API's base URL. The SDK does not renew a token: where the API answers 401, this takes another one.
 */
public final class ListQueues {
    private static final Pattern RECEIPT = Pattern.compile("^token v(\\d+) ", Pattern.MULTILINE);

    public static void main(String[] arguments) throws Exception {
        Token token = readToken(null);
        RoutingApi routing = routingWith(token);
        int pages = 1;
        for (int page = 1; page <= pages; page++) {
            GetRoutingQueuesRequest request =
                    GetRoutingQueuesRequest.builder().withPageNumber(page).withPageSize(100).build();
            QueueEntityListing listing;
            try {
                listing = routing.getRoutingQueues(request);
            } catch (ApiException error) {
                if (error.getStatusCode() != 401) {
                    throw error;
                }
                token = readToken(token.version);
                routing = routingWith(token);
                listing = routing.getRoutingQueues(request);
            }
            pages = listing.getPageCount();
            for (Queue queue : listing.getEntities()) {
                System.out.println(queue.getId() + " " + queue.getName());
            }
        }
    }

    private static RoutingApi routingWith(Token token) {
        ApiClient client = ApiClient.Builder.standard()
                .withAccessToken(token.accessToken)
                .withBasePath(System.getenv("GENESYS_API"))
                .build();
        return new RoutingApi(client);
    }

    /** Reads the stored token; if the refused version is still the stored one, a new one is made. */
    private static Token readToken(String refusedVersion) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("ci/access-token", "get", "genesys", "--min-ttl", "5m"));
        if (refusedVersion != null) {
            command.addAll(List.of("--not-version", refusedVersion));
        }
        Process process = new ProcessBuilder(command).start();
        String stdout = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String stderr = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        // The receipt, and on GitHub Actions and Azure Pipelines the command that masks the token.
        System.err.print(stderr);
        Matcher receipt = RECEIPT.matcher(stderr);
        if (process.waitFor() != 0 || !receipt.find()) {
            throw new IOException("access-token ended with status " + process.exitValue());
        }
        return new Token(stdout.strip(), receipt.group(1));
    }

    private static final class Token {
        final String accessToken;
        final String version;

        Token(String accessToken, String version) {
            this.accessToken = accessToken;
            this.version = version;
        }
    }
}
