package io.flinkkubeha.tests;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.BasePathBucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.OnCheckpointRollingPolicy;
import org.apache.flink.util.Collector;

import java.util.HashMap;
import java.util.Map;

/**
 * Numbers the natural numbers per key and writes each of them exactly once.
 *
 * <p>The source counts 0, 1, 2, … and keeps its place in its state. The count per key is keyed
 * state. The sink commits a file when the checkpoint that closed it is complete. So every number
 * stands once in the committed files, with no gap, beside a count that follows from the number,
 * however often the job was restored in between: {@code number,key,count}.
 *
 * <p>Options: {@code --output DIRECTORY}, {@code --rate RECORDS_PER_SECOND}, {@code --records N}
 * (endless without), {@code --fail-at NUMBER} (throws there, and the job does not restart), {@code
 * --keys N}, {@code --parallelism N} (of the counting and the sink), {@code --name NAME}.
 */
public final class CountingJob {

    private CountingJob() {}

    public static void main(String[] args) throws Exception {
        Map<String, String> options = read(args);
        long records = Long.parseLong(options.getOrDefault("records", "" + Long.MAX_VALUE));
        long failAt = Long.parseLong(options.getOrDefault("fail-at", "-1"));
        int keys = Integer.parseInt(options.getOrDefault("keys", "16"));

        Configuration configuration = new Configuration();
        if (failAt >= 0) {
            configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        }
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        environment.setParallelism(Integer.parseInt(options.getOrDefault("parallelism", "1")));

        DataGeneratorSource<Long> numbers =
                new DataGeneratorSource<>(
                        number -> number,
                        records,
                        RateLimiterStrategy.perSecond(
                                Double.parseDouble(options.getOrDefault("rate", "1000"))),
                        Types.LONG);
        FileSink<String> files =
                FileSink.forRowFormat(
                                new Path(options.get("output")),
                                new SimpleStringEncoder<String>())
                        .withBucketAssigner(new BasePathBucketAssigner<>())
                        .withRollingPolicy(OnCheckpointRollingPolicy.build())
                        .build();

        // One source instance: with more, a range of numbers each would leave gaps in between.
        environment
                .fromSource(numbers, WatermarkStrategy.noWatermarks(), "numbers")
                .setParallelism(1)
                .uid("numbers")
                .keyBy(number -> number % keys)
                .process(new Count(failAt))
                .uid("count")
                .name("count")
                .sinkTo(files)
                .uid("files")
                .name("files");
        environment.execute(options.getOrDefault("name", "counting"));
    }

    /** Flink's own reader of arguments has another package on 1.20 than on 2.x. */
    private static Map<String, String> read(String[] args) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i < args.length; i += 2) {
            options.put(args[i].substring("--".length()), args[i + 1]);
        }
        return options;
    }

    /** Counts the records of each key. */
    private static final class Count extends KeyedProcessFunction<Long, Long, String> {

        private static final long serialVersionUID = 1L;

        private final long failAt;
        private transient ValueState<Long> count;

        Count(long failAt) {
            this.failAt = failAt;
        }

        @Override
        public void open(OpenContext context) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void processElement(Long number, Context context, Collector<String> out)
                throws Exception {
            if (number == failAt) {
                throw new IllegalStateException("Failing on purpose at number " + number + ".");
            }
            Long before = count.value();
            long now = before == null ? 1 : before + 1;
            count.update(now);
            out.collect(number + "," + context.getCurrentKey() + "," + now);
        }
    }
}
