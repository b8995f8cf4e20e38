import com.aliyun.hitsdb.client.TSDB;
import com.aliyun.hitsdb.client.TSDBClientFactory;
import com.aliyun.hitsdb.client.TSDBConfig;
import com.aliyun.hitsdb.client.value.request.Point;
import com.aliyun.hitsdb.client.value.response.batch.DetailsResult;
import com.aliyun.hitsdb.client.value.type.Suggest;

/** Writes and reads by com.aliyun:hitsdb-client in the name of each user, and prints what it heard. */
class HitsCredentials {
    public static void main(String[] arguments) throws Exception {
        // Host and port, then users and passwords.
        for (int at = 2; at < arguments.length; at += 2) {
            TSDBConfig.Builder config = TSDBConfig.address(arguments[0], Integer.parseInt(arguments[1]));
            TSDB client = TSDBClientFactory.connect(config.basicAuth(arguments[at], arguments[at + 1]).config());
            Point point = Point.metric("by.hits").tag("host", "a").timestamp(1_700_000_000L).value(1).build();
            System.out.println(heard(() -> "put " + client.putSync(DetailsResult.class, point).getSuccess())
                    + ", " + heard(() -> "suggested " + client.suggest(Suggest.Metrics, "by.", 10)));
        }
        System.exit(0); // the clients have threads that nothing ends
    }

    private interface Call {
        String run() throws Exception;
    }

    private static String heard(Call call) {
        try {
            return call.run();
        } catch (Throwable refused) {
            return refused.getClass().getSimpleName() + " " + refused.getMessage();
        }
    }
}
