/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.peers;

import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** An endless job in this JVM, with no checkpoints but those asked for, that fails at once if an element is lost or comes twice. */
final class CountingJob {

    /** Run -> the first element that it has seen. */
    private static final Map<String, CompletableFuture<Long>> FIRST_ELEMENTS =
            new ConcurrentHashMap<>();

    private final String run;

    CountingJob(String run) {
        this.run = run;
    }

    /** 1, or what comes after the state that this run has been restored from. */
    CompletableFuture<Long> firstElement() {
        return firstElement(run);
    }

    private static CompletableFuture<Long> firstElement(String run) {
        return FIRST_ELEMENTS.computeIfAbsent(run, ignored -> new CompletableFuture<>());
    }

    JobGraph graph() {
        final Configuration configuration = new Configuration();
        configuration.setString("restart-strategy.type", "none");
        final StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        environment.setParallelism(1);
        environment
                .fromSequence(1, Long.MAX_VALUE)
                .uid("numbers")
                .map(new Throttle())
                .uid("throttle")
                .keyBy(ignored -> 0, Types.INT)
                .process(new Count(run))
                .uid("count")
                .sinkTo(new DiscardingSink<>());
        return environment.getStreamGraph().getJobGraph();
    }

    /** State and elements have to agree: both count the same. */
    private static final class Count extends KeyedProcessFunction<Integer, Long, Long> {

        private static final long serialVersionUID = 1L;

        private final String run;

        private transient ValueState<Long> count;

        private Count(String run) {
            this.run = run;
        }

        @Override
        public void open(OpenContext context) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void processElement(Long element, Context context, Collector<Long> out)
                throws Exception {
            final long before = count.value() == null ? 0 : count.value();
            if (element != before + 1) {
                throw new IllegalStateException(element + " came after " + before);
            }
            count.update(element);
            firstElement(run).complete(element);
            out.collect(element);
        }
    }

    /** Before the exchange, so that no barrier waits behind a full one. */
    private static final class Throttle implements MapFunction<Long, Long> {

        private static final long serialVersionUID = 1L;

        @Override
        public Long map(Long element) throws InterruptedException {
            Thread.sleep(2);
            return element;
        }
    }
}
