import com.mypurecloud.sdk.v2.ApiClient;
import com.mypurecloud.sdk.v2.ApiException;
import com.mypurecloud.sdk.v2.api.RoutingApi;
import com.mypurecloud.sdk.v2.api.request.GetRoutingQueuesRequest;
import com.mypurecloud.sdk.v2.model.Queue;
import com.mypurecloud.sdk.v2.model.QueueEntityListing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Lists all queues with Genesys Cloud's Java SDK (com.mypurecloud:platform-client-v2), however long that takes.
 *
 * <p>Run it as
 * {@code ci/access-token exec genesys --min-ttl 5m --env GENESYSCLOUD_ACCESS_TOKEN -- java -cp ... ListQueues}.
 * GENESYS_API is the API's base URL. A job that outlives its token takes a new one where the API answers 401.
 */
public final class ListQueues {
    public static void main(String[] arguments) throws Exception {
        RoutingApi routing = routingWith(System.getenv("GENESYSCLOUD_ACCESS_TOKEN"));
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
                routing = routingWith(readAgain());
                listing = routing.getRoutingQueues(request);
            }
            pages = listing.getPageCount();
            for (Queue queue : listing.getEntities()) {
                System.out.println(queue.getId() + " " + queue.getName());
            }
        }
    }

    private static RoutingApi routingWith(String accessToken) {
        ApiClient client = ApiClient.Builder.standard()
                .withAccessToken(accessToken)
                .withBasePath(System.getenv("GENESYS_API"))
                .build();
        return new RoutingApi(client);
    }

    /** Reads the token as it is stored now; in the pipe to this process, and nowhere else. */
    private static String readAgain() throws IOException, InterruptedException {
        Process process = new ProcessBuilder("ci/access-token", "get", "genesys", "--min-ttl", "5m")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String token = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        if (process.waitFor() != 0) {
            throw new IOException("access-token ended with status " + process.exitValue());
        }
        return token;
    }
}
