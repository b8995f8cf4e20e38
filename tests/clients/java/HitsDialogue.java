import com.aliyun.hitsdb.client.BalTSDBClient;
import com.aliyun.hitsdb.client.TSDB;
import com.aliyun.hitsdb.client.TSDBClientFactory;
import com.aliyun.hitsdb.client.TSDBConfig;
import com.aliyun.hitsdb.client.value.request.MultiFieldPoint;
import com.aliyun.hitsdb.client.value.request.MultiFieldQuery;
import com.aliyun.hitsdb.client.value.request.MultiFieldSubQuery;
import com.aliyun.hitsdb.client.value.request.MultiFieldSubQueryDetails;
import com.aliyun.hitsdb.client.value.request.Point;
import com.aliyun.hitsdb.client.value.request.Query;
import com.aliyun.hitsdb.client.value.request.SubQuery;
import com.aliyun.hitsdb.client.value.response.MultiFieldQueryResult;
import com.aliyun.hitsdb.client.value.response.QueryResult;
import com.aliyun.hitsdb.client.value.response.batch.DetailsResult;
import com.aliyun.hitsdb.client.value.response.batch.IgnoreErrorsResult;
import com.aliyun.hitsdb.client.value.type.Aggregator;
import com.aliyun.hitsdb.client.value.type.Suggest;

/** Says to a server what the test beside it asks for, by com.aliyun:hitsdb-client, and prints what it heard. */
class HitsDialogue {
    /** The load-balancing client asks for the server's health every 2 s, and drops a server that was ill three times. */
    private static final long HEALTH_CHECKS_MS = 7000;

    public static void main(String[] arguments) {
        // Both clients have threads that nothing ends.
        try {
            dialogue(arguments);
            System.exit(0);
        } catch (Throwable thrown) {
            thrown.printStackTrace();
            System.exit(1);
        }
    }

    private static void dialogue(String[] arguments) throws Exception {
        String host = arguments[0];
        int port = Integer.parseInt(arguments[1]);
        long start = Long.parseLong(arguments[2]);

        TSDB plain = TSDBClientFactory.connect(TSDBConfig.address(host, port).openHttpCompress().config());
        say(plain, "plain", start);
        plain.close(); // sends what is queued

        TSDB balancing = new BalTSDBClient(TSDBConfig.builder().addAddress(host, port).config());
        Thread.sleep(HEALTH_CHECKS_MS);
        say(balancing, "balancing", start);
        balancing.close();
    }

    private static void say(TSDB client, String name, long start) throws Exception {
        System.out.println(name + " version " + client.version());
        for (int number = 0; number < 1000; number++) {
            client.put(point(name + ".queued", start + number, number));
        }
        DetailsResult details = client.putSync(
                DetailsResult.class,
                point(name + ".one", start, 1L << 62),
                point(name + ".one", start + 1, 0.1));
        System.out.println(name + " put " + details.getSuccess() + " failed " + details.getFailed());
        Point bad = Point.metric("bad name!").tag("host", "a").timestamp(start).value(1).build(false);
        IgnoreErrorsResult rest = client.putSync(IgnoreErrorsResult.class, bad, point(name + ".one", start + 2, -3));
        System.out.println(name + " put " + rest.getSuccess() + " failed " + rest.getFailed());
        client.multiFieldPutSync(MultiFieldPoint.metric(name + ".many").tag("host", "a").timestamp(start)
                .field("load", 0.5).field("up", true).build());

        SubQuery one = SubQuery.metric(name + ".one").aggregator(Aggregator.NONE).tag("host", "a").build();
        for (QueryResult result : client.query(Query.timeRange(start, start + 1000).sub(one).msResolution().build())) {
            System.out.println(result.getMetric() + " " + result.getTags() + " " + result.getDps());
        }
        MultiFieldSubQueryDetails every = MultiFieldSubQueryDetails.field("*").aggregator(Aggregator.NONE).build();
        MultiFieldSubQuery many = MultiFieldSubQuery.metric(name + ".many").fieldsInfo(every).tag("host", "a").build();
        MultiFieldQuery question = MultiFieldQuery.start(start).end(start + 1000).sub(many).msResolution().build();
        for (MultiFieldQueryResult result : client.multiFieldQuery(question)) {
            System.out.println(result.getMetric() + " " + result.getColumns() + " " + result.getValues());
        }
        System.out.println(name + " suggested " + client.suggest(Suggest.Metrics, name, 10));
    }

    private static Point point(String metric, long time, Object value) {
        return Point.metric(metric).tag("host", "a").timestamp(time).value(value).build();
    }
}
